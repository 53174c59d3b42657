"""What every command that does something to many jobs has in common: count, ask, do, tell."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from shlex import quote
from typing import Annotated

import typer

from qctl.cli import documents
from qctl.cli.confirm import ask_yes_no
from qctl.cli.exits import ExitCode, exit_code_for
from qctl.cli.job_selectors import Choice
from qctl.cli.session import Session
from qctl.errors import NotFoundError
from qctl.models import MAX_LISTED_OUTCOMES, BulkResult, Outcome, Scan, Selection, Verb
from qctl.safe import escape_line
from qctl.view import Cell, quantity

SHOWN = 20
"""Jobs that are told one by one; of the others it is told how many."""

ID_WIDTH = 200
"""Characters of an id that a person is told: what comes in on stdin may be anything."""

QUEUES_NAMED = 3
"""Queues that a question or an answer names."""

DryRun = Annotated[bool, typer.Option("--dry-run", help="Only tell which jobs that would be.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Rate = Annotated[str | None, typer.Option("--rate", metavar="N/s", help="At most so fast: 10/s, 600/m.")]


@dataclass(frozen=True)
class Telling:
    """How an act is told of: `Cancel 4 jobs?`, `canceling`, `4 jobs canceled`. `schema` is the document's.

    `thing` is what it is done to, `undo` says how to take it back.
    """

    act: Verb
    schema: str
    imperative: str
    going: str
    done: str
    thing: str = "job"
    undo: Callable[[BulkResult, Selection], Sequence[str]] = lambda _result, _chosen: ()


def carry_out(
    session: Session,
    telling: Telling,
    choice: Choice,
    do: Callable[..., BulkResult],
    *,
    dry_run: bool,
    yes: bool,
    asking: Callable[[Selection], None] | None = None,
) -> ExitCode:
    """Choose jobs, ask where not all were named, do it, and tell what became of them. `asking` asks for more than a
    yes, whoever was named."""
    out = session.out
    if choice.selector.ids == ():
        out.say("No ids came in.")
        return ExitCode.DONE
    with out.progress("looking") as progress:
        chosen = session.ops.jobs.choose(telling.act, choice.selector, progress=progress)
    if chosen.scan:
        out.say(not_all(chosen.scan))
    if dry_run:
        found = [*chosen.missing, *_would(chosen), *chosen.already]
        would = BulkResult(chosen.count, len(chosen.missing), found, scan=chosen.scan, already=len(chosen.already))
        out.report(documents.acted(telling.schema, would, dry_run=True), _would_do(telling, chosen))
        return _exit_code(chosen.count + would.already, chosen.missing)
    if chosen.count and asking:
        asking(chosen)
    elif chosen.count and not (yes or choice.named):
        ask_yes_no(out, f"{telling.imperative} {quantity(chosen.count, telling.thing)}{_of(chosen)}?")
    with out.progress(telling.going) as progress:
        result = do(chosen, progress=progress)
    undo = telling.undo(result, chosen) if result.done else ()
    out.report(documents.acted(telling.schema, result, undo=undo), _did(telling, result, undo))
    if result.halted:
        out.complain_of(result.halted)
        return exit_code_for(result.halted)
    return _exit_code(result.done + result.already, [outcome for outcome in result.outcomes if not outcome.done])


def require_target(session: Session, queue: str) -> None:
    """Raise NotFoundError where jobs would go to a queue that had none yet: names are easily mistyped."""
    try:
        session.ops.queues.require(queue)
    except NotFoundError as error:
        hint = f"{error.hint or ''} (--create moves to a new one)".strip()
        raise NotFoundError(error.message, error.close, hint) from error


def not_all(scan: Scan) -> str:
    """That there may be more of what was looked for."""
    return f"Looked at {scan.scanned:,} of {scan.total:,} jobs: there may be more. All are read with --scan-limit 0."


def restoring(result: BulkResult, _chosen: Selection) -> list[str]:
    """How to bring back what was put into the trash."""
    return [f"qctl trash restore {result.batch}"] if result.batch else []


def named(queues: Sequence[str]) -> str:
    """`email, report and 4 more`."""
    some = ", ".join(queues[:QUEUES_NAMED])
    return f"{some} and {len(queues) - QUEUES_NAMED} more" if len(queues) > QUEUES_NAMED else some


def quoted(words: Sequence[str]) -> str:
    """Words as a shell takes them."""
    return " ".join(quote(word) for word in words)


def _of(chosen: Selection) -> str:
    """` of email (4 queued, 2 failed)`."""
    states = Counter[str]()
    for part in chosen.chosen:
        states[part.state] += len(part.ids)
    each = ", ".join(f"{count} {state}" for state, count in states.items())
    return f" of {named(chosen.queues)} ({each})"


def _would(chosen: Selection) -> list[Outcome]:
    found = ((id_, part) for part in chosen.chosen for id_ in part.ids)
    return [
        Outcome(id_.decode(errors="surrogateescape"), part.queue, False, part.state)
        for (id_, part), _ in zip(found, range(MAX_LISTED_OUTCOMES), strict=False)
    ]


def _would_do(telling: Telling, chosen: Selection) -> list[Cell]:
    lines = [Cell(f"{quantity(chosen.count, telling.thing)} would be {telling.done}")]
    lines += [
        Cell(f"  {escape_line(outcome.id, ID_WIDTH)}  {outcome.queue}  {outcome.detail}")
        for outcome in _would(chosen)[:SHOWN]
    ]
    if chosen.count > SHOWN:
        lines.append(Cell(f"  and {chosen.count - SHOWN} more"))
    return [*lines, *_already(chosen.already), *_failures(chosen.missing, len(chosen.missing))]


def _did(telling: Telling, result: BulkResult, undo: Sequence[str]) -> list[Cell]:
    already = _already([outcome for outcome in result.outcomes if outcome.done and outcome.where])
    if not result.total:
        return already or [Cell(f"No {telling.thing} matches.")]
    what = (
        f"{result.done} of {quantity(result.total, telling.thing)}"
        if result.failed
        else quantity(result.done, telling.thing)
    )
    where = f" of {named(result.queues)}" if result.queues else ""
    lines = [Cell(f"{what}{where} {telling.done}", "good" if result.done else "")]
    lines += _failures([outcome for outcome in result.outcomes if not outcome.done], result.failed)
    return [*lines, *already, *(Cell(f"  undo: {line}", "dim") for line in undo)]


def _already(found: Sequence[Outcome]) -> list[Cell]:
    more = [Cell(f"  and {len(found) - SHOWN} more")] if len(found) > SHOWN else []
    return [*(Cell(f"  {escape_line(outcome.id, ID_WIDTH)}: {outcome.detail}") for outcome in found[:SHOWN]), *more]


def _failures(failures: Sequence[Outcome], count: int) -> list[Cell]:
    lines = [Cell(f"  {escape_line(outcome.id, ID_WIDTH)}: {outcome.detail}", "bad") for outcome in failures[:SHOWN]]
    if count > SHOWN:
        lines.append(Cell(f"  and {count - SHOWN} more: see more of them with --json", "bad"))
    return lines


def _exit_code(done: int, failures: Sequence[Outcome]) -> ExitCode:
    if not failures:
        return ExitCode.DONE
    if done:
        return ExitCode.PARTIAL
    return ExitCode.FAILED if any(outcome.queue for outcome in failures) else ExitCode.NOT_FOUND
