"""What may stand where in a command line, as the tree of commands declares it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import typer

from qctl import catalog
from qctl.cli.tree import build
from qctl.models import STATES

FILES = "/"
"""A value that is a file."""

ASKED = "@"
"""What a value begins with whose names are asked of `qctl`; the kind of names follows."""

_KINDS = {
    "QUEUE": "@queue",
    "GLOB": "@queue",
    "TARGET": "@queue",
    "WORKER": "@worker",
    "BATCH": "@batch",
    "FILE": FILES,
}
"""What stands in the place of a metavar, wherever it is."""


@dataclass(frozen=True)
class Place:
    """What may follow the words of a command. A value is FILES, `@kind`, names with commas between, or "" for text.

    `verbs` and `flags` are names with what they do, `takes` options with the value of each and what they do; `rest` is
    the value of what stands there without an option.
    """

    verbs: dict[str, str] = field(default_factory=dict)
    flags: dict[str, str] = field(default_factory=dict)
    takes: dict[str, tuple[str, str]] = field(default_factory=dict)
    rest: str = ""


def places() -> dict[str, Place]:
    """Every place by the words that lead to it, the first being ""."""
    return {" ".join(path): _place(path, node) for path, node in _walk(typer.main.get_command(build()), ())}


def _walk(node: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    yield path, node
    for name, child in getattr(node, "commands", {}).items():
        yield from _walk(child, (*path, name))


def _place(path: tuple[str, ...], node: Any) -> Place:
    verbs = {name: _short(child.help) for name, child in getattr(node, "commands", {}).items()}
    place = Place(verbs, {"--help": "Show help."})
    rest = ""
    for parameter in node.params:
        value = _value(path, parameter)
        if parameter.param_type_name == "argument":
            rest = rest or value
        elif not parameter.hidden:
            said = _short(parameter.help)
            for name in parameter.opts:
                if parameter.is_flag:
                    place.flags[name] = said
                else:
                    place.takes[name] = (value, said)
    return Place(verbs, place.flags, place.takes, rest)


def _value(path: tuple[str, ...], parameter: Any) -> str:
    """What may stand for a parameter."""
    choices = getattr(parameter.type, "choices", None)
    if choices:
        return ",".join(str(getattr(choice, "value", choice)) for choice in choices)
    metavar = (parameter.metavar or "").strip("[].")
    noun, name = path[0] if path else "", parameter.name
    if metavar == "ID" and (parameter.param_type_name == "argument" or "--job" in parameter.opts):
        return "@dead" if noun in ("dlq", "retry") or "rejects" in path else "@job"
    if metavar == "STATE":
        return ",".join(STATES)
    if (path, name) == (("job", "enqueue"), "name") or metavar == "JOB" or "--job" in parameter.opts:
        return ",".join(sorted(catalog.JOBS))
    if metavar == "NAME":
        return "@schedule" if noun == "schedule" and parameter.param_type_name == "argument" and name != "name" else ""
    return FILES if "--home" in parameter.opts else _KINDS.get(metavar, "")


def _short(help: str | None) -> str:
    """The first sentence of a help, without its full stop."""
    text = " ".join((help or "").split())
    return text.partition(". ")[0].removesuffix(".")
