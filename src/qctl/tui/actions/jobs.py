"""Actions on selected jobs: retry, move to the trash, cancel, move to another queue."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from qctl import rates
from qctl.errors import UsageError
from qctl.models import BulkResult, CanaryState, Selector
from qctl.quantities import clause
from qctl.tui.actions.action import Action, ActionProgress, ActionResult
from qctl.tui.actions.queues import restore
from qctl.view import duration, quantity

if TYPE_CHECKING:
    from qctl.models import Progress
    from qctl.ops import Ops

MAX_CANARIES = 1_000_000
"""Numbers of canaries below this are taken."""

MAX_LISTED_IDS = 3
"""Job ids that a title lists; more jobs are counted."""


def retry(ops: Ops, selector: Selector, count: int, canary: str = "", rate: str = "") -> Action:
    """Retry dead letters: `canary` of them first, if given, and the others at `rate`. Raises UsageError if a text is no
    number or no rate."""
    first = _number(canary) if canary.strip() else 0
    per_second = rates.parse(rate, "the rate") if rate.strip() else None

    def run(progress: ActionProgress) -> ActionResult:
        chosen = ops.jobs.choose("retry", selector)

        def watch(state: CanaryState) -> None:
            progress.say(describe_canary(state, chosen.count), state.finished, state.total)

        result = ops.jobs.retry(chosen, first=first, rate=per_second, progress=progress, watch=watch)
        return _result(result, "queued again")

    consequence = (
        f"{quantity(count, 'job')} will run again, from the tail of the queue. Work that was done before is repeated. "
        "U does not undo this."
    )
    if first:
        consequence += f" The others follow only if the first {first} succeed{'s' if first == 1 else ''}."
    options = [*(["--canary", str(first)] if first else []), *(["--rate", rate.strip()] if per_second else [])]
    words = ("retry", *_arguments(selector), *options, "--yes")
    return Action(f"Retry {_describe(selector, count)}", consequence, words, run, is_watched=bool(first))


def describe_canary(state: CanaryState, count: int) -> str:
    """`Canary: 1 of 3 finished, 2 run, after 4s; the other 40 jobs wait for it`."""
    running, waiting = state.running, state.total - state.finished - state.running
    parts = [f"{state.finished} of {state.total} finished"]
    parts += [f"{clause(running, 'job', 'runs', 'run')}"] if running else []
    parts += [f"{clause(waiting, 'job', 'waits', 'wait')}"] if waiting else []
    others = clause(max(0, count - state.total), "other job", "waits", "wait")
    return f"Canary: {', '.join(parts)}, after {duration(state.seconds)}; {others} for it"


def _number(text: str) -> int:
    if not (text.strip().isdecimal() and text.strip().isascii() and 0 < int(text.strip()[:9]) < MAX_CANARIES):
        raise UsageError(f"canary: {text!r} is not a number of jobs, from 1")
    return int(text)


def discard(ops: Ops, selector: Selector, count: int, verb: Literal["delete", "discard"] = "discard") -> Action:
    """Move jobs to the trash: dead letters, or with the verb `delete` jobs of any state."""

    def run(progress: Progress) -> ActionResult:
        chosen = ops.jobs.choose(verb, selector)
        result = ops.jobs.delete(chosen, verb=verb, progress=progress)
        undo = restore(ops, result.batch, result.done) if result.batch else None
        return _result(result, "moved to the trash", undo)

    consequence = f"{quantity(count, 'job')} will move to the trash. U or `qctl trash restore` restores them."
    arguments = ("dlq" if verb == "discard" else "job", verb, *_arguments(selector), "--yes")
    return Action(f"Move {_describe(selector, count)} to the trash", consequence, arguments, run)


def cancel(ops: Ops, selector: Selector, count: int) -> Action:
    """Cancel jobs that have not started."""

    def run(progress: Progress) -> ActionResult:
        result = ops.jobs.cancel(ops.jobs.choose("cancel", selector), progress=progress)
        ids = _done_ids(result)
        return _result(result, "canceled", retry(ops, Selector(ids=ids), len(ids)) if ids else None)

    consequence = f"{quantity(count, 'job')} will not run unless retried; U retries, from the tail of the queue."
    arguments = ("job", "cancel", *_arguments(selector), "--yes")
    return Action(f"Cancel {_describe(selector, count)}", consequence, arguments, run)


def move(ops: Ops, selector: Selector, count: int, target: str) -> Action:
    """Move jobs that neither run nor have finished to another queue. Raises UsageError without a target."""
    if not target:
        raise UsageError("name the queue to move the jobs to")

    def run(progress: Progress) -> ActionResult:
        chosen = ops.jobs.choose("move", selector)
        result = ops.jobs.move(chosen, target=target, progress=progress)
        return _result(result, f"moved to {target}", _undo_move(ops, result, target))

    consequence = f"{quantity(count, 'job')} will move to the tail of {target}, and keep their state."
    arguments = ("job", "move", *_arguments(selector), "--to", target, "--create", "--yes")
    return Action(f"Move {_describe(selector, count)}", consequence, arguments, run)


def _undo_move(ops: Ops, result: BulkResult, target: str) -> Action | None:
    """Move the jobs back; None if they came from several queues or not all ids are known."""
    moved = _done_ids(result)
    if len(result.queues) != 1 or result.queues == [target] or not moved:
        return None
    return move(ops, Selector(ids=moved), len(moved), result.queues[0])


def _done_ids(result: BulkResult) -> tuple[str, ...]:
    """The ids of all jobs that were changed, none if some are not known."""
    ids = tuple(outcome.id for outcome in result.outcomes if outcome.done)
    return ids if len(ids) == result.done else ()


def _result(result: BulkResult, effect: str, undo: Action | None = None) -> ActionResult:
    detail = next((f": {outcome.detail}" for outcome in result.outcomes if not outcome.done and outcome.detail), "")
    failed = f", {result.failed} failed{detail}" if result.failed else ""
    halted = f"; {result.halted.message}" if result.halted else ""
    message = f"{quantity(result.done, 'job')} {effect}{failed}{halted}"
    return ActionResult(message, undo, complete=not (result.failed or result.halted))


def _describe(selector: Selector, count: int) -> str:
    if selector.fingerprint:
        return f"{quantity(count, 'dead letter')} of the cause {selector.fingerprint}"
    if selector.queue:
        return f"{quantity(count, 'dead letter')} of {selector.queue}"
    ids = selector.ids or ()
    return ", ".join(ids) if 0 < len(ids) <= MAX_LISTED_IDS else quantity(count, "job")


def _arguments(selector: Selector) -> Sequence[str]:
    """The selector as arguments of the command line."""
    arguments = ["--queue", selector.queue] if selector.queue else []
    arguments += [word for state in selector.states for word in ("--state", state)]
    arguments += ["--fingerprint", selector.fingerprint] if selector.fingerprint else []
    return [*arguments, *(selector.ids or ())]
