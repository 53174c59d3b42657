"""Actions on queues, and restoring a queue from the trash."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qctl import durations
from qctl.models import Pause
from qctl.tui.actions.action import Action, ActionResult
from qctl.view import quantity

if TYPE_CHECKING:
    from qctl.models import Progress
    from qctl.ops import Ops


def pause(ops: Ops, queue: str, waiting: int, reason: str = "", duration: str = "") -> Action:
    """Pause a queue, for a duration such as `30m` or without end. Raises UsageError for an invalid duration."""
    seconds = durations.parse(duration, "the duration", min_seconds=1.0) if duration.strip() else None

    def run(_: Progress) -> ActionResult:
        result = ops.queues.pause(queue, reason=reason, seconds=seconds)
        if not result.changed:
            return ActionResult(f"{queue} was already paused")
        running = f"; {quantity(len(result.running), 'job')} started before and still run" if result.running else ""
        return ActionResult(f"{queue} is paused{running}", resume(ops, queue, waiting, result.pause))

    end = f"The pause ends after {duration.strip()}." if seconds else "The pause lasts until the queue is resumed."
    arguments = ["pause", queue]
    arguments += [f"--reason={reason}"] if reason else []
    arguments += ["--for", duration.strip()] if seconds else []
    jobs = quantity(waiting, "waiting job")
    consequence = f"{jobs} of {queue} will not start, nor will new jobs; running jobs finish. {end}"
    return Action(f"Pause {queue}", consequence, tuple(arguments), run)


def resume(ops: Ops, queue: str, waiting: int, paused: Pause | None = None) -> Action:
    """Resume a queue. Its undo pauses the queue again for the reason of `paused`."""

    def run(_: Progress) -> ActionResult:
        if not ops.queues.resume(queue).changed:
            return ActionResult(f"{queue} was not paused")
        return ActionResult(f"{queue} is resumed", pause(ops, queue, waiting, paused.reason if paused else ""))

    consequence = f"{quantity(waiting, 'waiting job')} of {queue} can start at once, in order."
    return Action(f"Resume {queue}", consequence, ("resume", queue), run)


def clear(ops: Ops, queue: str, waiting: int) -> Action:
    """Move all waiting jobs of a queue to the trash."""

    def run(progress: Progress) -> ActionResult:
        result = ops.queues.clear(queue, progress=progress)
        undo = restore(ops, result.batch, result.removed) if result.batch else None
        return ActionResult(f"{quantity(result.removed, 'job')} of {queue} moved to the trash", undo)

    jobs = quantity(waiting, "waiting job")
    consequence = f"{jobs} of {queue} will move to the trash. U or `qctl trash restore` restores them."
    return Action(f"Clear {queue}", consequence, ("clear", queue, "--confirm", queue), run, confirm=queue)


def restore(ops: Ops, batch: str, jobs: int) -> Action:
    """Restore a batch from the trash."""

    def run(progress: Progress) -> ActionResult:
        result = ops.trash.restore(batch, progress=progress)
        return ActionResult(f"{quantity(result.restored, 'job')} of {result.queue} restored")

    consequence = f"{quantity(jobs, 'job')} will return from the trash to their previous places."
    return Action(f"Restore {batch}", consequence, ("trash", "restore", batch), run)
