"""Job selection: the ids and filters that all commands about jobs share, and the selector that they add up to."""

from __future__ import annotations

import inspect
import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import typer

from qctl import conditions, durations
from qctl.cli import help_format, moments
from qctl.cli.exit_codes import ExitCode
from qctl.cli.global_options import typed_parameter
from qctl.cli.input_files import STDIN
from qctl.cli.session import Session
from qctl.conditions import Condition
from qctl.errors import UsageError, did_you_mean
from qctl.models import STATE_ALIASES, STATES, Selector, State

LIST_SCAN_JOBS = 50_000
"""Jobs that a list scans if no index helps: a second or two. An action scans all."""

FINGERPRINT = re.compile(r"[0-9a-f]{12}")


@dataclass(frozen=True)
class SelectedJobs:
    """The jobs of a command line. `explicit` means that every id was typed; otherwise there may be more jobs than the
    user expects."""

    selector: Selector
    explicit: bool


def _option(name: str, metavar: str, help: str, kind: Any = str | None, **more: Any) -> inspect.Parameter:
    flag = f"--{name.replace('_', '-')}"
    group = help_format.JOB_SELECTION
    option = typer.Option(flag, metavar=metavar, help=help, show_default=False, rich_help_panel=group, **more)
    return typed_parameter(name, kind, None, option)


_FILTERS = (
    _option("queue", "GLOB", "Queue name or glob: email, 'email*'."),
    _option("state", "STATE", "State, or waiting, running, pending, dead; comma-separated.", list[str] | None),
    _option("job", "NAME", "Job name or function; globs allowed."),
    _option("error", "TEXT", "Text in the error or traceback."),
    _option("fingerprint", "CAUSE", "Cause of death, as shown by `qctl dlq groups`."),
    _option("older_than", "TIME", "Minimum time in the current state: 90s, 30m, 2d."),
    _option("owner", "NAME", "Owner of the job."),
    _option("argument", "TEXT", "Text in one of the arguments."),
    _option("since", "TIME", "Came into its state since: 2h ago as 2h, or 2026-11-22T14:05Z."),
    _option("until", "TIME", "Came into its state before: as --since."),
    _option("where", "QUERY", "Condition: 'state=failed and name~send and age>1h'."),
)
_SCAN = _option("scan_limit", "N", "Maximum jobs to read if no index helps; 0 for all.", int | None, min=0)

_IDS = (
    typed_parameter(
        "ids",
        list[str] | None,
        None,
        typer.Argument(
            metavar="[ID]...",
            help="Job ids, or their first 6 or more characters; - reads stdin, as -o name or jsonl prints.",
        ),
    ),
    typed_parameter(
        "everything", bool, False, typer.Option("--all", help="All jobs.", rich_help_panel=help_format.JOB_SELECTION)
    ),
    _option("limit", "N", "Maximum number of jobs, those that waited longest first.", int | None, min=1),
)


def with_filters(function: Callable[..., ExitCode | None], *, without: Sequence[str] = ()) -> Callable[..., Any]:
    """Give a command that lists jobs the filter options. Their result is its parameter `selector`."""
    return _with_parameters(function, [*_FILTERS, _SCAN], "selector", _list_selector, without)


def with_selection(function: Callable[..., ExitCode | None], *, without: Sequence[str] = ()) -> Callable[..., Any]:
    """Give a command that acts on jobs the ids and filter options. Their result is its parameter `jobs`."""
    return _with_parameters(function, [*_IDS, *_FILTERS, _SCAN], "jobs", _selected_jobs, without)


def _with_parameters(
    function: Callable[..., ExitCode | None],
    parameters: Sequence[inspect.Parameter],
    result_name: str,
    combine: Callable[[dict[str, Any]], Any],
    without: Sequence[str],
) -> Callable[..., Any]:
    added = [parameter for parameter in parameters if parameter.name not in without]
    session, *own = inspect.signature(function, eval_str=True).parameters.values()
    others = [
        parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own if parameter.name != result_name
    ]

    def command(session: Session, **arguments: Any) -> ExitCode | None:
        values = {parameter.name: arguments.pop(parameter.name) for parameter in added}
        return function(session, **{result_name: combine(values)}, **arguments)

    positional = [parameter for parameter in added if parameter.name == "ids"]
    options = [parameter for parameter in added if parameter.name != "ids"]
    vars(command)["__signature__"] = inspect.Signature([session, *positional, *others, *options])
    command.__doc__ = function.__doc__
    return command


def _list_selector(values: dict[str, Any]) -> Selector:
    scan = values.get("scan_limit")
    return _selector(values, scan=LIST_SCAN_JOBS if scan is None else scan or None)


def _selected_jobs(values: dict[str, Any]) -> SelectedJobs:
    typed = values["ids"] or ()
    ids = tuple(read_ids(typed)) if typed else None
    selector = _selector(values, ids=ids, limit=values.get("limit"), scan=values.get("scan_limit") or None)
    filters = _selector(values)
    if typed and (values.get("everything") or filters != Selector() or selector.limit):
        raise UsageError("job ids cannot be combined with --all or filters")
    if not typed and not values.get("everything") and filters.is_everything:
        raise UsageError("no jobs selected", "give job ids, a filter such as --queue or --state, or --all")
    return SelectedJobs(selector, explicit=bool(typed) and STDIN not in typed)


def _selector(values: dict[str, Any], **more: Any) -> Selector:
    older = values.get("older_than")
    typed = values.get("where")
    where = None if typed is None else conditions.parse(typed)
    return Selector(
        queue=values.get("queue") or _required_queue(where),
        states=_states(values["state"], "--state") if values.get("state") else _required_states(where),
        since=moments.parse(values.get("since"), "--since"),
        until=moments.parse(values.get("until"), "--until"),
        where=where,
        job=_text(values, "job"),
        error=_text(values, "error"),
        fingerprint=parse_fingerprint(values.get("fingerprint")),
        older_than=None if older is None else durations.parse(older, "--older-than"),
        owner=_text(values, "owner"),
        argument=_text(values, "argument"),
        **more,
    )


def _required_queue(where: Condition | None) -> str | None:
    """Return the queue that a condition requires, so that no other is read."""
    required = conditions.required(where, "queue") if where else None
    return required[0] if required and len(required) == 1 else None


def _required_states(where: Condition | None) -> tuple[State, ...]:
    """Return the states that a condition requires. Raises UsageError if it names one that does not exist."""
    required = conditions.required(where, "state") if where else None
    if not required or any("*" in value for value in required):
        return ()
    return _states([value.lower() for value in required], "--where")


def _text(values: dict[str, Any], name: str) -> str | None:
    value: str | None = values.get(name)
    if value == "":
        raise UsageError(f"--{name} is empty", "omit it to select all")
    return value


def _states(typed: Iterable[str], option: str) -> tuple[State, ...]:
    """Parse states and their aliases, which commas may join, into states in RQ's order."""
    states: set[State] = set()
    for word in (word.strip() for words in typed for word in words.split(",")):
        if word in STATES:
            states.add(word)
        elif word in STATE_ALIASES:
            states.update(STATE_ALIASES[word])
        else:
            close = get_close_matches(word, [*STATES, *STATE_ALIASES], n=1)
            hint = did_you_mean(close) if close else f"allowed states: {', '.join(STATES)}"
            raise UsageError(f"{option}: unknown state {word!r}", hint)
    return tuple(state for state in STATES if state in states)


def parse_fingerprint(typed: str | None) -> str | None:
    """Parse the value of --fingerprint. Raises UsageError."""
    if typed is not None and not FINGERPRINT.fullmatch(typed):
        raise UsageError(f"--fingerprint: {typed!r} is not 12 hexadecimal digits", "list causes with `qctl dlq groups`")
    return typed


def read_ids(typed: Sequence[str]) -> list[str]:
    """Return the typed ids, each once, and those of stdin in place of `-`."""
    ids: dict[str, None] = {}
    for word in typed:
        ids.update((id_, None) for id_ in (_piped_ids() if word == STDIN else (word,)) if id_)
    return list(ids)


def _piped_ids() -> Iterator[str]:
    """Yield the ids of stdin: lines as `-o name` and `-o jsonl` print them, or ids that NULs separate."""
    # A stdin that was closed before the start is None.
    for line in sys.stdin or ():
        if "\0" in line:
            yield from f"{line}{sys.stdin.read()}".split("\0")
            return
        yield _printed_id(line.strip())


def _printed_id(line: str) -> str:
    """Read an id that may be JSON text, or the field `id` of a JSON object. Other lines are ids as they are."""
    if line.startswith(('"', "{")):
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            return line
        id_ = value.get("id") if isinstance(value, dict) else value
        return id_ if isinstance(id_, str) else line
    return line
