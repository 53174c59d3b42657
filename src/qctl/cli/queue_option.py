"""`--queue NAME` in the place of the argument QUEUE, because commands about jobs select queues so."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from itertools import islice
from typing import Any, get_args

import typer

from qctl.cli.global_options import typed_parameter
from qctl.cli.help_format import HelpCommand

FLAG = "--queue"

NAME = "queue_option"
"""Name of the parameter. It never has a value: `to_arguments` has taken it out of the command line by then."""

PARAMETER = typed_parameter(
    NAME,
    list[str] | None,
    None,
    typer.Option(FLAG, metavar="QUEUE", show_default=False, help="Same as the argument QUEUE."),
)


class QueueCommand(HelpCommand):
    """A command with the argument QUEUE, which accepts `--queue` too."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse a command line."""
        takes = {
            name
            for option in self.params
            for name in option.opts
            if option.param_type_name == "option" and not getattr(option, "is_flag", False)
        }
        return super().parse_args(ctx, to_arguments(args, takes - {FLAG}))


def is_needed(own: Sequence[inspect.Parameter]) -> bool:
    """Return True if a command has the argument QUEUE, and no option `--queue` of its own."""
    declarations = [declaration for parameter in own for declaration in get_args(parameter.annotation)[1:]]
    has_option = any(FLAG in (getattr(declaration, "param_decls", None) or ()) for declaration in declarations)
    return not has_option and any(
        isinstance(declaration, typer.models.ArgumentInfo) and (declaration.metavar or "").strip("[].") == "QUEUE"
        for declaration in declarations
    )


def to_arguments(words: Sequence[str], takes: set[str]) -> list[str]:
    """Move the values of `--queue` to the front of a command line. `takes` are the other options that take a value."""
    queues: list[str] = []
    others: list[str] = []
    rest = iter(words)
    for word in rest:
        name, is_joined, value = word.partition("=")
        if name == FLAG:
            value = value if is_joined else next(rest, "")
            if not value:
                return list(words)  # the parser reports it
            queues.append(value)
        elif word == "--":
            others += [word, *rest]
        else:
            others += [word, *islice(rest, 1 if word in takes else 0)]
    return [*queues, *others]
