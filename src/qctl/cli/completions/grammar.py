"""Grammar of the command line, derived from the command tree: the words that may follow each command."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import typer

from qctl import catalog, conditions
from qctl.cli.command_tree import NOUNS, VERBS, build
from qctl.cli.help_format import summary
from qctl.models import STATES

FILES = "/"
"""Value that is a file name."""

REMOTE_NAMES = "@"
"""Prefix of a value that `qctl` reads from Redis; the kind of names follows."""

_VALUES = {
    "QUEUE": "@queue",
    "GLOB": "@queue",
    "TARGET": "@queue",
    "FLOW": "@job",
    "WORKER": "@worker",
    "BATCH": "@batch",
    "CAUSE": "@cause",
    "PIPELINE": ",".join(catalog.PIPELINES),
    "FILE": FILES,
    "QUERY": ",".join(f"{field}{'>' if field == conditions.AGE_FIELD else '='}" for field in conditions.FIELDS),
}
"""Values by metavar, whatever the command."""


@dataclass(frozen=True)
class Place:
    """Words that may follow a command. A value is FILES, `@kind`, comma-separated names, or "" for free text.

    `verbs` and `flags` map names to descriptions, `takes` maps options to their values and descriptions; `rest` is the
    value of a positional argument.
    """

    verbs: dict[str, str] = field(default_factory=dict)
    flags: dict[str, str] = field(default_factory=dict)
    takes: dict[str, tuple[str, str]] = field(default_factory=dict)
    rest: str = ""


def places() -> dict[str, Place]:
    """Return every place by its command words; the root is ""."""
    return {" ".join(path): _place(path, node) for path, node in _walk(typer.main.get_command(build()), ())}


def _walk(node: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    yield path, node
    for name, child in getattr(node, "commands", {}).items():
        yield from _walk(child, (*path, name))


def _place(path: tuple[str, ...], node: Any) -> Place:
    verbs = {name: summary(child.help) for name, child in getattr(node, "commands", {}).items()}
    place = Place(verbs, {"--help": "Show this help"})
    rest = ""
    for parameter in node.params:
        value = _value(path, parameter)
        if parameter.param_type_name == "argument":
            rest = rest or value
        elif not parameter.hidden:
            description = summary(parameter.help)
            for name in parameter.opts:
                if parameter.is_flag:
                    place.flags[name] = description
                else:
                    place.takes[name] = (value, description)
    return Place(verbs, place.flags, place.takes, rest)


def _value(path: tuple[str, ...], parameter: Any) -> str:
    """Return the value of a parameter."""
    choices = getattr(parameter.type, "choices", None)
    if choices:
        return ",".join(str(getattr(choice, "value", choice)) for choice in choices)
    metavar = (parameter.metavar or "").strip("[].")
    noun, name = path[0] if path else "", parameter.name
    if metavar == "ID" and (parameter.param_type_name == "argument" or "--job" in parameter.opts):
        return "@dead" if noun in ("dlq", "retry") or "rejects" in path else "@job"
    if path == ("help",) and name == "words":
        return ",".join((*VERBS, *NOUNS))
    if metavar == "STATE":
        return ",".join(STATES)
    if (path, name) == (("job", "enqueue"), "name"):
        return "@enqueue"
    if metavar == "JOB" or "--job" in parameter.opts:
        return ",".join(sorted(catalog.JOBS))
    if metavar == "NAME":
        return "@schedule" if noun == "schedule" and parameter.param_type_name == "argument" and name != "name" else ""
    return FILES if "--home" in parameter.opts else _VALUES.get(metavar, "")
