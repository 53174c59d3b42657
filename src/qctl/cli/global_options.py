"""Options that every command accepts, before or after its name."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from qctl.cli import help_format
from qctl.cli.output import Format


@dataclass(frozen=True)
class GlobalOptions:
    """Values of the global options at one place of the command line. None and False mean absent."""

    output: Format | None = None
    json: bool = False
    context: str | None = None
    redis_url: str | None = None
    home: str | None = None
    replica: bool = False
    read_only: bool = False
    no_color: bool = False
    debug: bool = False

    @classmethod
    def pop_from(cls, arguments: dict[str, Any]) -> GlobalOptions:
        """Move the global options out of the parameters of a command."""
        return cls(**{name: arguments.pop(name) for name in DECLARATIONS})


def _declare(flag: str, *more: str, help: str, metavar: str | None = None, group: str) -> Any:
    return typer.Option(flag, *more, metavar=metavar, help=help, rich_help_panel=group)


DECLARATIONS: dict[str, tuple[Any, Any]] = {
    "output": (
        Format | None,
        _declare(
            "--output",
            "-o",
            metavar="FORMAT",
            help="Output format: table, json, jsonl, csv or name. Default: table on a terminal, else tab-separated.",
            group=help_format.OUTPUT,
        ),
    ),
    "json": (bool, _declare("--json", help="JSON output; same as -o json.", group=help_format.OUTPUT)),
    "context": (
        str | None,
        _declare(
            "--context",
            metavar="NAME",
            help="Context to use, or `all` in commands that read. List them with `qctl context list`.",
            group=help_format.GLOBAL_OPTIONS,
        ),
    ),
    "redis_url": (
        str | None,
        _declare(
            "--redis-url",
            metavar="URL",
            help="Redis to use. Set REDIS_URL instead to keep a password out of `ps`.",
            group=help_format.GLOBAL_OPTIONS,
        ),
    ),
    "home": (
        str | None,
        _declare(
            "--home", metavar="DIR", help="State directory; same as QCTL_HOME=DIR.", group=help_format.GLOBAL_OPTIONS
        ),
    ),
    "replica": (
        bool,
        _declare(
            "--replica",
            help="Read from a replica, which may be behind the primary. Needs Sentinels in REDIS_URL.",
            group=help_format.GLOBAL_OPTIONS,
        ),
    ),
    "read_only": (
        bool,
        _declare(
            "--read-only",
            help="Refuse commands that change anything; same as QCTL_READ_ONLY=true.",
            group=help_format.GLOBAL_OPTIONS,
        ),
    ),
    "no_color": (
        bool,
        _declare("--no-color", help="No colours; same as NO_COLOR=1.", group=help_format.GLOBAL_OPTIONS),
    ),
    "debug": (bool, _declare("--debug", help="Traceback with each error.", group=help_format.GLOBAL_OPTIONS)),
}
"""Type and declaration of each field of `GlobalOptions`."""

_SHOWN_IN_EVERY_HELP = ("output", "json")


def with_global_options(
    function: Callable[..., Any], own: Sequence[inspect.Parameter], *, show_all: bool
) -> Callable[..., Any]:
    """Give a function the signature that Typer reads: a context, its own parameters, and the global options.

    Without `show_all`, its help lists only the options that are typed after a command most often.
    """
    context = inspect.Parameter("ctx", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)
    keywords = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own]
    for name, (kind, declaration) in DECLARATIONS.items():
        option = copy(declaration)
        option.hidden = not show_all and name not in _SHOWN_IN_EVERY_HELP
        keywords.append(typed_parameter(name, kind, False if kind is bool else None, option))
    vars(function)["__signature__"] = inspect.Signature([context, *keywords])
    function.__annotations__ = {}
    return function


def typed_parameter(name: str, kind: Any, default: Any, declaration: Any) -> inspect.Parameter:
    """Build one keyword parameter as Typer reads it."""
    annotation = Annotated[kind, declaration]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
