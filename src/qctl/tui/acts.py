"""What the monitor can do: each act says what it means, how the command line says it, and how it is undone."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from qctl import durations
from qctl.models import BulkResult, Pause, Selector
from qctl.view import counted

if TYPE_CHECKING:
    from qctl.ops import Ops
    from qctl.ops.part import Progress

NAMED = 3
"""Ids that a title or a line names before it counts."""


@dataclass(frozen=True)
class Done:
    """What an act did, and the act that undoes it, None where nothing does. `well` is False where some of it failed."""

    said: str
    undo: Act | None = None
    well: bool = True


@dataclass(frozen=True)
class Act:
    """Something that changes Redis. `words` are the command line that does the same, without `qctl`.

    `consequence` is what follows, with its count. `confirm` is what has to be typed first, nothing where nothing has.
    """

    title: str
    consequence: str
    words: tuple[str, ...]
    run: Callable[[Progress], Done]
    confirm: str = ""

    @property
    def line(self) -> str:
        """The command line that does the same."""
        return shlex.join(("qctl", *self.words))

    @property
    def command(self) -> str:
        """What the audit calls it."""
        return " ".join(("qctl", *(word for word in self.words[:2] if word in _VERBS)))


_VERBS = {"pause", "resume", "clear", "retry", "job", "dlq", "trash", "discard", "restore", "cancel", "delete", "move"}


# --- queues -------------------------------------------------------------------------------------------------


def pause(ops: Ops, queue: str, waiting: int, reason: str = "", lasts: str = "") -> Act:
    """Hold a queue; `lasts` is a duration as people type it. Raises UsageError where it is none."""
    seconds = durations.parse(lasts, "the duration", shortest=1.0) if lasts.strip() else None

    def run(_: Progress) -> Done:
        result = ops.queues.pause(queue, reason=reason, seconds=seconds)
        running = f"; {counted(len(result.running), 'job')} started before and still run" if result.running else ""
        undo = resume(ops, queue, waiting, result.pause) if result.changed else None
        return Done(f"{queue} is paused{running}" if result.changed else f"{queue} was paused already", undo)

    until = f"It goes on by itself after {lasts.strip()}." if seconds else "It stays so until somebody resumes it."
    words = ["pause", queue]
    words += [f"--reason={reason}"] if reason else []
    words += ["--for", lasts.strip()] if seconds else []
    said = f"{counted(waiting, 'job')} waiting in {queue} will not start, nor will new ones; running ones finish. "
    return Act(f"Pause {queue}", said + until, tuple(words), run)


def resume(ops: Ops, queue: str, waiting: int, held: Pause | None = None) -> Act:
    """Let a queue go on. `held` is its pause, which undoing brings back."""

    def run(_: Progress) -> Done:
        changed = ops.queues.resume(queue).changed
        undo = pause(ops, queue, waiting, held.reason if held else "") if changed else None
        return Done(f"{queue} goes on" if changed else f"{queue} was not paused", undo)

    said = f"{counted(waiting, 'waiting job')} of {queue} may start at once, in their order."
    return Act(f"Resume {queue}", said, ("resume", queue), run)


def clear(ops: Ops, queue: str, waiting: int) -> Act:
    """Move what waits to the trash."""

    def run(progress: Progress) -> Done:
        result = ops.queues.clear(queue, progress=progress)
        undo = restore(ops, result.batch, result.removed) if result.batch else None
        return Done(f"{counted(result.removed, 'job')} of {queue} moved to the trash", undo)

    said = f"{counted(waiting, 'waiting job')} of {queue} will go to the trash; U or `qctl trash restore` undoes that."
    return Act(f"Clear {queue}", said, ("clear", queue, "--confirm", queue), run, confirm=queue)


def restore(ops: Ops, batch: str, jobs: int) -> Act:
    """Bring a batch back from the trash."""

    def run(progress: Progress) -> Done:
        result = ops.trash.restore(batch, progress=progress)
        return Done(f"{counted(result.restored, 'job')} of {result.queue} restored")

    said = f"{counted(jobs, 'job')} will go back from the trash to where they were."
    return Act(f"Restore {batch}", said, ("trash", "restore", batch), run)


# --- jobs ---------------------------------------------------------------------------------------------------


def retry(ops: Ops, selector: Selector, count: int) -> Act:
    """Run dead letters again."""

    def run(progress: Progress) -> Done:
        chosen = ops.jobs.choose("retry", selector)
        return _ended(ops.jobs.retry(chosen, progress=progress), "queued again")

    said = f"{counted(count, 'job')} will run again, from the tail of their queue. What they did before is done twice."
    return Act(f"Retry {_named(selector, count)}", said, ("retry", *_words(selector), "--yes"), run)


def discard(ops: Ops, selector: Selector, count: int, verb: Literal["delete", "discard"] = "discard") -> Act:
    """Put jobs into the trash: dead letters, or with the verb `delete` jobs of any state."""

    def run(progress: Progress) -> Done:
        chosen = ops.jobs.choose(verb, selector)
        result = ops.jobs.delete(chosen, verb=verb, progress=progress)
        undo = restore(ops, result.batch, result.done) if result.batch else None
        return _ended(result, "went to the trash", undo)

    said = f"{counted(count, 'job')} will go to the trash; U or `qctl trash restore` undoes that."
    words = ("dlq" if verb == "discard" else "job", verb, *_words(selector), "--yes")
    return Act(f"Put {_named(selector, count)} into the trash", said, words, run)


def cancel(ops: Ops, selector: Selector, count: int) -> Act:
    """Cancel jobs that have not started."""

    def run(progress: Progress) -> Done:
        return _ended(ops.jobs.cancel(ops.jobs.choose("cancel", selector), progress=progress), "canceled")

    said = f"{counted(count, 'job')} will not run, unless somebody retries them. U does not undo this."
    return Act(f"Cancel {_named(selector, count)}", said, ("job", "cancel", *_words(selector), "--yes"), run)


def move(ops: Ops, selector: Selector, count: int, target: str) -> Act:
    """Move jobs to another queue."""

    def run(progress: Progress) -> Done:
        chosen = ops.jobs.choose("move", selector)
        result = ops.jobs.move(chosen, target=target, progress=progress)
        return _ended(result, f"moved to {target}", _back(ops, result, target))

    said = f"{counted(count, 'job')} will wait at the tail of {target or 'the other queue'}."
    words = ("job", "move", *_words(selector), "--to", target, "--yes")
    return Act(f"Move {_named(selector, count)}", said, words, run)


def _back(ops: Ops, result: BulkResult, target: str) -> Act | None:
    """Moves them back, where all came from one queue and all are known."""
    moved = tuple(outcome.id for outcome in result.outcomes if outcome.done)
    if len(result.queues) != 1 or len(moved) != result.done or result.queues == [target] or not moved:
        return None
    return move(ops, Selector(ids=moved), len(moved), result.queues[0])


def _ended(result: BulkResult, what: str, undo: Act | None = None) -> Done:
    why = next((f": {outcome.detail}" for outcome in result.outcomes if not outcome.done and outcome.detail), "")
    failed = f", {result.failed} not{why}" if result.failed else ""
    return Done(f"{counted(result.done, 'job')} {what}{failed}", undo, well=not result.failed)


def _named(selector: Selector, count: int) -> str:
    if selector.fingerprint:
        return f"{counted(count, 'dead letter')} of the cause {selector.fingerprint}"
    if selector.queue:
        return f"{counted(count, 'dead letter')} of {selector.queue}"
    ids = selector.ids or ()
    return ", ".join(ids) if 0 < len(ids) <= NAMED else counted(count, "job")


def _words(selector: Selector) -> Sequence[str]:
    """The selector as the command line writes it."""
    words = ["--queue", selector.queue] if selector.queue else []
    words += ["--fingerprint", selector.fingerprint] if selector.fingerprint else []
    return [*words, *(selector.ids or ())]
