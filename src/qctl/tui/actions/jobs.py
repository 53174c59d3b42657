"""Acts on jobs that a selector means: run again, put into the trash, cancel, move."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from qctl.errors import UsageError
from qctl.models import BulkResult, Selector
from qctl.tui.actions.action import Act, Done
from qctl.tui.actions.queues import restore
from qctl.view import quantity

if TYPE_CHECKING:
    from qctl.models import Progress
    from qctl.ops import Ops

NAMED = 3
"""Ids that a title or a line names before it counts."""


def retry(ops: Ops, selector: Selector, count: int) -> Act:
    """Run dead letters again."""

    def run(progress: Progress) -> Done:
        chosen = ops.jobs.choose("retry", selector)
        return _ended(ops.jobs.retry(chosen, progress=progress), "queued again")

    said = (
        f"{quantity(count, 'job')} will run again, from the tail of their queue. What they did before is done twice. "
    )
    said += "U does not undo this."
    return Act(f"Retry {_named(selector, count)}", said, ("retry", *_words(selector), "--yes"), run)


def discard(ops: Ops, selector: Selector, count: int, verb: Literal["delete", "discard"] = "discard") -> Act:
    """Put jobs into the trash: dead letters, or with the verb `delete` jobs of any state."""

    def run(progress: Progress) -> Done:
        chosen = ops.jobs.choose(verb, selector)
        result = ops.jobs.delete(chosen, verb=verb, progress=progress)
        undo = restore(ops, result.batch, result.done) if result.batch else None
        return _ended(result, "went to the trash", undo)

    said = f"{quantity(count, 'job')} will go to the trash; U or `qctl trash restore` undoes that."
    words = ("dlq" if verb == "discard" else "job", verb, *_words(selector), "--yes")
    return Act(f"Put {_named(selector, count)} into the trash", said, words, run)


def cancel(ops: Ops, selector: Selector, count: int) -> Act:
    """Cancel jobs that have not started."""

    def run(progress: Progress) -> Done:
        result = ops.jobs.cancel(ops.jobs.choose("cancel", selector), progress=progress)
        ids = _done(result)
        return _ended(result, "canceled", retry(ops, Selector(ids=ids), len(ids)) if ids else None)

    said = (
        f"{quantity(count, 'job')} will not run, unless somebody retries them; U does that, from the tail of the queue."
    )
    return Act(f"Cancel {_named(selector, count)}", said, ("job", "cancel", *_words(selector), "--yes"), run)


def move(ops: Ops, selector: Selector, count: int, target: str) -> Act:
    """Move jobs to another queue, those of any state but running and finished ones. Raises UsageError for no target."""
    if not target:
        raise UsageError("the queue they go to has to be named")

    def run(progress: Progress) -> Done:
        chosen = ops.jobs.choose("move", selector)
        result = ops.jobs.move(chosen, target=target, progress=progress)
        return _ended(result, f"moved to {target}", _back(ops, result, target))

    said = f"{quantity(count, 'job')} will go to the tail of {target}, in the state that they are in."
    words = ("job", "move", *_words(selector), "--to", target, "--create", "--yes")
    return Act(f"Move {_named(selector, count)}", said, words, run)


def _back(ops: Ops, result: BulkResult, target: str) -> Act | None:
    """Moves them back, where all came from one queue and all are known."""
    moved = _done(result)
    if len(result.queues) != 1 or result.queues == [target] or not moved:
        return None
    return move(ops, Selector(ids=moved), len(moved), result.queues[0])


def _done(result: BulkResult) -> tuple[str, ...]:
    """Those that it was done to, none where not all of them are known by their ids."""
    ids = tuple(outcome.id for outcome in result.outcomes if outcome.done)
    return ids if len(ids) == result.done else ()


def _ended(result: BulkResult, what: str, undo: Act | None = None) -> Done:
    why = next((f": {outcome.detail}" for outcome in result.outcomes if not outcome.done and outcome.detail), "")
    failed = f", {result.failed} not{why}" if result.failed else ""
    return Done(f"{quantity(result.done, 'job')} {what}{failed}", undo, well=not result.failed)


def _named(selector: Selector, count: int) -> str:
    if selector.fingerprint:
        return f"{quantity(count, 'dead letter')} of the cause {selector.fingerprint}"
    if selector.queue:
        return f"{quantity(count, 'dead letter')} of {selector.queue}"
    ids = selector.ids or ()
    return ", ".join(ids) if 0 < len(ids) <= NAMED else quantity(count, "job")


def _words(selector: Selector) -> Sequence[str]:
    """The selector as the command line writes it."""
    words = ["--queue", selector.queue] if selector.queue else []
    words += [word for state in selector.states for word in ("--state", state)]
    words += ["--fingerprint", selector.fingerprint] if selector.fingerprint else []
    return [*words, *(selector.ids or ())]
