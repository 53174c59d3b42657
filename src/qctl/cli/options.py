"""The options that every command takes, before its name or after it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from qctl.cli.output import Format


@dataclass(frozen=True)
class Options:
    """What was given of them in one place. None and False: not given."""

    output: Format | None = None
    json: bool = False
    context: str | None = None
    redis_url: str | None = None
    home: str | None = None
    read_only: bool = False
    no_color: bool = False
    debug: bool = False

    @classmethod
    def taken_from(cls, given: dict[str, Any]) -> Options:
        """Take them out of all parameters of a command; what stays are the command's own."""
        return cls(**{name: given.pop(name) for name in DECLARED})


DECLARED: dict[str, tuple[Any, Any]] = {
    "output": (
        Format | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FORMAT",
            help="table, json, jsonl, csv or name. Default: a table on a terminal, else tab-separated text.",
        ),
    ),
    "json": (bool, typer.Option("--json", help="The same as -o json.")),
    "context": (
        str | None,
        typer.Option("--context", metavar="NAME", help="Which Redis of several: see `qctl context list`."),
    ),
    "redis_url": (
        str | None,
        typer.Option("--redis-url", metavar="URL", help="Redis to use. REDIS_URL hides a password from `ps`."),
    ),
    "home": (str | None, typer.Option("--home", metavar="DIR", help="Folder that holds all state, as QCTL_HOME.")),
    "read_only": (bool, typer.Option("--read-only", help="Refuse to change anything, as QCTL_READ_ONLY=true.")),
    "no_color": (bool, typer.Option("--no-color", help="No colour, as NO_COLOR=1.")),
    "debug": (bool, typer.Option("--debug", help="Show a traceback with an error.")),
}
"""Type and declaration of each field of `Options`."""

_SHOWN_EVERYWHERE = ("output", "json")


def with_options(
    function: Callable[..., Any], own: Sequence[inspect.Parameter], *, show_all: bool
) -> Callable[..., Any]:
    """Give a function the signature that Typer reads: a context, its own parameters, and the options.

    Where not all are shown, the help keeps to those that people look for after a command.
    """
    context = inspect.Parameter("ctx", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)
    keywords = [own_one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for own_one in own]
    for name, (kind, declared) in DECLARED.items():
        option = copy(declared)
        option.hidden = not show_all and name not in _SHOWN_EVERYWHERE
        keywords.append(parameter(name, kind, False if kind is bool else None, option))
    vars(function)["__signature__"] = inspect.Signature([context, *keywords])
    function.__annotations__ = {}
    return function


def parameter(name: str, kind: Any, default: Any, declared: Any) -> inspect.Parameter:
    """One parameter as Typer reads it."""
    annotation = Annotated[kind, declared]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
