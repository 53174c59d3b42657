"""Which jobs a command is about: the same options on every command that asks, and what they add up to."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import typer

from qctl import durations
from qctl.cli.exits import ExitCode
from qctl.cli.options import parameter
from qctl.cli.session import Session
from qctl.errors import UsageError, did_you_mean
from qctl.models import STATE_ALIASES, STATES, Selector, State

STDIN = "-"
"""Stands for the ids on stdin, one a line."""

LOOKED_AT = 50_000
"""Jobs that a list looks at where no index helps: a second or two. An act looks at all."""

FINGERPRINT = re.compile(r"[0-9a-f]{12}")


@dataclass(frozen=True)
class Choice:
    """What was chosen. `named` is False where it may be more jobs than whoever typed it had in mind."""

    selector: Selector
    named: bool


def _option(name: str, metavar: str, help: str, kind: Any = str | None, **more: Any) -> inspect.Parameter:
    flag = f"--{name.replace('_', '-')}"
    return parameter(name, kind, None, typer.Option(flag, metavar=metavar, help=help, show_default=False, **more))


_FILTERS = (
    _option("queue", "GLOB", "Of queues whose name matches."),
    _option("state", "STATE", "In this state; also waiting, running, pending, dead.", list[str] | None),
    _option("job", "NAME", "Of this function or job; a pattern too."),
    _option("error", "TEXT", "With this in the error or traceback."),
    _option("fingerprint", "CAUSE", "Dead of this cause: see `qctl dlq groups`."),
    _option("older_than", "TIME", "In its state for longer: 90s, 30m, 2d."),
    _option("owner", "NAME", "Of this owner."),
    _option("argument", "TEXT", "Called with this text in an argument."),
)
_SCAN = _option("scan_limit", "N", "Most jobs to read where no index helps; 0 all.", int | None, min=0)

_NAMING = (
    parameter("ids", list[str] | None, None, typer.Argument(metavar="[ID]...", help="Jobs; - reads ids from stdin.")),
    parameter("everything", bool, False, typer.Option("--all", help="All of them.")),
    _option("limit", "N", "At most so many, those first that have waited longest.", int | None, min=1),
)


def filtering(function: Callable[..., ExitCode | None], *, without: Sequence[str] = ()) -> Callable[..., Any]:
    """Give a command that lists jobs the options that say which. It gets them as `selector`."""
    return _augmented(function, [*_FILTERS, _SCAN], "selector", _filter, without)


def selecting(function: Callable[..., ExitCode | None], *, without: Sequence[str] = ()) -> Callable[..., Any]:
    """Give a command that does something to jobs the arguments and options that say to which. It gets them as
    `choice`."""
    return _augmented(function, [*_NAMING, *_FILTERS, _SCAN], "choice", _choose, without)


def _augmented(
    function: Callable[..., ExitCode | None],
    options: Sequence[inspect.Parameter],
    name: str,
    add_up: Callable[[dict[str, Any]], Any],
    without: Sequence[str],
) -> Callable[..., Any]:
    chosen = [option for option in options if option.name not in without]
    session, *own = inspect.signature(function, eval_str=True).parameters.values()
    kept = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in own if each.name != name]

    def command(session: Session, **given: Any) -> ExitCode | None:
        taken = {option.name: given.pop(option.name) for option in chosen}
        return function(session, **{name: add_up(taken)}, **given)

    positional = [option for option in chosen if option.name == "ids"]
    options = [option for option in chosen if option.name != "ids"]
    vars(command)["__signature__"] = inspect.Signature([session, *positional, *kept, *options])
    command.__doc__ = function.__doc__
    return command


def _filter(taken: dict[str, Any]) -> Selector:
    scan = taken.get("scan_limit")
    return _selector(taken, scan=LOOKED_AT if scan is None else scan or None)


def _choose(taken: dict[str, Any]) -> Choice:
    given = taken["ids"] or ()
    ids = tuple(read_ids(given)) if given else None
    selector = _selector(taken, ids=ids, limit=taken.get("limit"), scan=taken.get("scan_limit") or None)
    filters = _selector(taken)
    if given and (taken.get("everything") or filters != Selector() or selector.limit):
        raise UsageError("ids, and --all or options that say which jobs, exclude each other")
    if not given and not taken.get("everything") and filters.is_everything:
        raise UsageError("nothing is chosen", "name ids, or say which with --queue, --state and the like, or --all")
    return Choice(selector, named=bool(given) and STDIN not in given)


def _selector(taken: dict[str, Any], **more: Any) -> Selector:
    older = taken.get("older_than")
    return Selector(
        queue=taken.get("queue"),
        states=_states(taken.get("state") or ()),
        job=_text(taken, "job"),
        error=_text(taken, "error"),
        fingerprint=_fingerprint(taken.get("fingerprint")),
        older_than=None if older is None else durations.parse(older, "--older-than"),
        owner=_text(taken, "owner"),
        argument=_text(taken, "argument"),
        **more,
    )


def _text(taken: dict[str, Any], name: str) -> str | None:
    value: str | None = taken.get(name)
    if value == "":
        raise UsageError(f"--{name} is empty", "leave it out to mean all")
    return value


def _states(given: Iterable[str]) -> tuple[State, ...]:
    """The states of these words, which may be joined by commas, in RQ's order."""
    meant: set[State] = set()
    for word in (word.strip() for each in given for word in each.split(",")):
        if word in STATES:
            meant.add(word)
        elif word in STATE_ALIASES:
            meant.update(STATE_ALIASES[word])
        else:
            close = get_close_matches(word, [*STATES, *STATE_ALIASES], n=1)
            hint = did_you_mean(close) if close else f"states are {', '.join(STATES)}"
            raise UsageError(f"--state: {word!r} is no state", hint)
    return tuple(state for state in STATES if state in meant)


def _fingerprint(given: str | None) -> str | None:
    if given is not None and not FINGERPRINT.fullmatch(given):
        raise UsageError(f"--fingerprint: {given!r} is not twelve hexadecimal digits", "`qctl dlq groups` shows them")
    return given


def read_ids(given: Sequence[str]) -> list[str]:
    """The ids that were named, each once, with those of stdin where `-` stands for them."""
    named: dict[str, None] = {}
    for one in given:
        # A stdin that was closed before we started is None.
        lines = (line.strip() for line in sys.stdin or ()) if one == STDIN else (one,)
        named.update((line, None) for line in lines if line)
    return list(named)
