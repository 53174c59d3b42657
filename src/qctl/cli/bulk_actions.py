"""Bulk actions on jobs: select, count, confirm, run, report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from shlex import quote
from typing import Annotated

import typer

from qctl.cli import documents
from qctl.cli.exit_codes import ExitCode, exit_code_for
from qctl.cli.job_selection import SelectedJobs
from qctl.cli.prompts import confirm
from qctl.cli.session import Session
from qctl.errors import NotFoundError
from qctl.models import MAX_LISTED_OUTCOMES, BulkResult, DependentsChoice, Outcome, Scan, Selection, Verb
from qctl.safe import escape_line
from qctl.view import Cell, quantity

MAX_LISTED_JOBS = 20
"""Jobs listed by id; the rest are counted."""

MAX_ID_CHARACTERS = 200
"""Characters printed of an id. Ids from stdin may be anything."""

MAX_LISTED_QUEUES = 3
"""Queues named in a question or an answer; the rest are counted."""


class DependentsWord(str, Enum):
    """Values of `--dependents`."""

    CANCEL = "cancel"
    RELEASE = "release"
    KEEP = "keep"


def dependents_choice(word: DependentsWord | None) -> DependentsChoice:
    """Return the choice of a command line."""
    return "keep" if word is None else word.value


DryRun = Annotated[bool, typer.Option("--dry-run", help="Only show the jobs that would be affected.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="No confirmation.")]
DependentsOption = Annotated[
    DependentsWord | None,
    typer.Option("--dependents", help="Jobs that wait for these: cancel, release (enqueue) or keep. Default: keep."),
]
Rate = Annotated[str | None, typer.Option("--rate", metavar="N/s", help="Maximum rate: 10/s, 600/m. Default: none.")]


@dataclass(frozen=True)
class BulkAction:
    """Words for one action: `Cancel 4 jobs?`, `canceling`, `4 jobs canceled`. `schema` is that of its document.

    `noun` is the kind of job. `undo` returns the command lines that take the action back.
    """

    verb: Verb
    schema: str
    imperative: str
    progressive: str
    participle: str
    noun: str = "job"
    undo: Callable[[BulkResult, Selection], Sequence[str]] = lambda _result, _selection: ()


def run_bulk_action(
    session: Session,
    action: BulkAction,
    jobs: SelectedJobs,
    run: Callable[..., BulkResult],
    *,
    dry_run: bool,
    yes: bool,
    require_name: Callable[[Selection], None] | None = None,
) -> ExitCode:
    """Select jobs, confirm unless all were named by id, run the action, and report the outcome of each job.

    `require_name` replaces the y/N confirmation; it applies to jobs named by id too.
    """
    out = session.out
    if jobs.selector.ids == ():
        out.say("No job ids on stdin.")
        return ExitCode.DONE
    with out.progress("selecting") as progress:
        selection = session.ops.jobs.choose(action.verb, jobs.selector, progress=progress)
    if selection.scan:
        out.say(scan_warning(selection.scan))
    if dry_run:
        return _report_dry_run(session, action, selection)
    if selection.count and require_name:
        require_name(selection)
    elif selection.count and not (yes or jobs.explicit):
        question = f"{action.imperative} {quantity(selection.count, action.noun)}{_queues_and_states(selection)}?"
        confirm(out, f"{dependents_sentence(selection.dependents)}{question}")
    with out.progress(action.progressive) as progress:
        result = run(selection, progress=progress)
    return report_result(session, action, result, action.undo(result, selection) if result.done else ())


def report_result(session: Session, action: BulkAction, result: BulkResult, undo: Sequence[str] = ()) -> ExitCode:
    """Report the outcome of each job. `undo` are the command lines that take the action back."""
    session.out.report(documents.bulk_action(action.schema, result, undo=undo), _summary(action, result, undo))
    if result.halted:
        session.out.complain_of(result.halted)
        return exit_code_for(result.halted)
    return _exit_code(result.done + result.already, [outcome for outcome in result.outcomes if not outcome.done])


def require_target_queue(session: Session, queue: str) -> None:
    """Raise NotFoundError if the target queue has never had a job: queue names are easily mistyped."""
    try:
        session.ops.queues.require(queue)
    except NotFoundError as error:
        hint = f"{error.hint or ''} (create it with --create)".strip()
        raise NotFoundError(error.message, error.close, hint) from error


def scan_warning(scan: Scan) -> str:
    """Say that a search was cut off by its scan limit."""
    return f"Searched {scan.scanned:,} of {scan.total:,} jobs; there may be more matches. Search all: --scan-limit 0."


def trash_undo(result: BulkResult, _selection: Selection) -> list[str]:
    """Return the command line that restores the removed jobs from the trash."""
    return [f"qctl trash restore {result.batch}"] if result.batch else []


def join_queues(queues: Sequence[str]) -> str:
    """`email, report and 4 more`."""
    names = ", ".join(queues[:MAX_LISTED_QUEUES])
    return f"{names} and {len(queues) - MAX_LISTED_QUEUES} more" if len(queues) > MAX_LISTED_QUEUES else names


def shell_line(words: Sequence[str]) -> str:
    """Join words into a shell command line, quoted where needed."""
    return " ".join(quote(word) for word in words)


def _queues_and_states(selection: Selection) -> str:
    """` of email (4 queued, 2 failed)`."""
    states = Counter[str]()
    for part in selection.chosen:
        states[part.state] += len(part.ids)
    counts = ", ".join(f"{count} {state}" for state, count in states.items())
    return f" of {join_queues(selection.queues)} ({counts})"


def _report_dry_run(session: Session, action: BulkAction, selection: Selection) -> ExitCode:
    outcomes = [*selection.missing, *_selected_outcomes(selection), *selection.already]
    result = BulkResult(
        selection.count, len(selection.missing), outcomes, scan=selection.scan, already=len(selection.already)
    )
    document = documents.bulk_action(action.schema, result, dry_run=True)
    session.out.report(document, _dry_run_summary(action, selection))
    return _exit_code(selection.count + result.already, selection.missing)


def _selected_outcomes(selection: Selection) -> list[Outcome]:
    selected = ((id_, part) for part in selection.chosen for id_ in part.ids)
    return [
        Outcome(id_.decode(errors="surrogateescape"), part.queue, False, part.state)
        for (id_, part), _ in zip(selected, range(MAX_LISTED_OUTCOMES), strict=False)
    ]


def _dry_run_summary(action: BulkAction, selection: Selection) -> list[Cell]:
    lines = [Cell(f"{quantity(selection.count, action.noun)} would be {action.participle}")]
    lines += [
        Cell(f"  {escape_line(outcome.id, MAX_ID_CHARACTERS)}  {outcome.queue}  {outcome.detail}")
        for outcome in _selected_outcomes(selection)[:MAX_LISTED_JOBS]
    ]
    if selection.count > MAX_LISTED_JOBS:
        lines.append(Cell(f"  and {selection.count - MAX_LISTED_JOBS} more"))
    if selection.dependents:
        lines.append(Cell(f"  {dependents_sentence(selection.dependents).strip()}", "warn"))
    return [*lines, *_unchanged(selection.already), *_failures(selection.missing, len(selection.missing))]


def _summary(action: BulkAction, result: BulkResult, undo: Sequence[str]) -> list[Cell]:
    unchanged = _unchanged([outcome for outcome in result.outcomes if outcome.done and outcome.where])
    if not result.total:
        return unchanged or [Cell(f"No {action.noun} matches.")]
    count = (
        f"{result.done} of {quantity(result.total, action.noun)}"
        if result.failed
        else quantity(result.done, action.noun)
    )
    queues = f" of {join_queues(result.queues)}" if result.queues else ""
    lines = [Cell(f"{count}{queues} {action.participle}", "good" if result.done else "")]
    lines += dependents_lines(result.dependents, result.dependents_changed, "changed too") if result.done else []
    lines += _failures([outcome for outcome in result.outcomes if not outcome.done], result.failed)
    return [*lines, *unchanged, *(Cell(f"  undo: {line}", "dim") for line in undo)]


def dependents_sentence(count: int) -> str:
    """Say how many jobs wait for the selected ones; empty if none does."""
    verb = "waits" if count == 1 else "wait"
    return f"{quantity(count, 'other job')} {verb} for them. " if count else ""


def dependents_lines(waiting: int, changed: int, act: str) -> list[Cell]:
    """Say what became of jobs that waited for the changed ones."""
    if not waiting and not changed:
        return []
    if changed:
        return [Cell(f"  of {quantity(waiting, 'dependent')}, {changed} {act}")]
    verb = "waits" if waiting == 1 else "wait"
    hint = "find them with `qctl doctor`; enqueue them with `qctl job release ID`, or use --dependents"
    return [Cell(f"  {quantity(waiting, 'other job')} {verb} for them, and will not run: {hint}", "warn")]


def _unchanged(outcomes: Sequence[Outcome]) -> list[Cell]:
    """List jobs that were in the wanted state before."""
    lines = [
        Cell(f"  {escape_line(outcome.id, MAX_ID_CHARACTERS)}: {outcome.detail}")
        for outcome in outcomes[:MAX_LISTED_JOBS]
    ]
    more = len(outcomes) - MAX_LISTED_JOBS
    return [*lines, Cell(f"  and {more} more")] if more > 0 else lines


def _failures(failures: Sequence[Outcome], total: int) -> list[Cell]:
    lines = [
        Cell(f"  {escape_line(outcome.id, MAX_ID_CHARACTERS)}: {outcome.detail}", "bad")
        for outcome in failures[:MAX_LISTED_JOBS]
    ]
    if total > MAX_LISTED_JOBS:
        lines.append(Cell(f"  and {total - MAX_LISTED_JOBS} more; list more with --json", "bad"))
    return lines


def _exit_code(done: int, failures: Sequence[Outcome]) -> ExitCode:
    if not failures:
        return ExitCode.DONE
    if done:
        return ExitCode.PARTIAL
    return ExitCode.FAILED if any(outcome.queue for outcome in failures) else ExitCode.NOT_FOUND
