"""Acts on whole queues, and bringing back what one of them emptied."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qctl import durations
from qctl.models import Pause
from qctl.tui.actions.action import Act, Done
from qctl.view import quantity

if TYPE_CHECKING:
    from qctl.models import Progress
    from qctl.ops import Ops


def pause(ops: Ops, queue: str, waiting: int, reason: str = "", lasts: str = "") -> Act:
    """Hold a queue; `lasts` is a duration as people type it. Raises UsageError where it is none."""
    seconds = durations.parse(lasts, "the duration", shortest=1.0) if lasts.strip() else None

    def run(_: Progress) -> Done:
        result = ops.queues.pause(queue, reason=reason, seconds=seconds)
        running = f"; {quantity(len(result.running), 'job')} started before and still run" if result.running else ""
        undo = resume(ops, queue, waiting, result.pause) if result.changed else None
        return Done(f"{queue} is paused{running}" if result.changed else f"{queue} was paused already", undo)

    until = f"It goes on by itself after {lasts.strip()}." if seconds else "It stays so until somebody resumes it."
    words = ["pause", queue]
    words += [f"--reason={reason}"] if reason else []
    words += ["--for", lasts.strip()] if seconds else []
    said = f"{quantity(waiting, 'job')} waiting in {queue} will not start, nor will new ones; running ones finish. "
    return Act(f"Pause {queue}", said + until, tuple(words), run)


def resume(ops: Ops, queue: str, waiting: int, held: Pause | None = None) -> Act:
    """Let a queue go on. `held` is its pause, which undoing brings back."""

    def run(_: Progress) -> Done:
        changed = ops.queues.resume(queue).changed
        undo = pause(ops, queue, waiting, held.reason if held else "") if changed else None
        return Done(f"{queue} goes on" if changed else f"{queue} was not paused", undo)

    said = f"{quantity(waiting, 'waiting job')} of {queue} may start at once, in their order."
    return Act(f"Resume {queue}", said, ("resume", queue), run)


def clear(ops: Ops, queue: str, waiting: int) -> Act:
    """Move what waits to the trash."""

    def run(progress: Progress) -> Done:
        result = ops.queues.clear(queue, progress=progress)
        undo = restore(ops, result.batch, result.removed) if result.batch else None
        return Done(f"{quantity(result.removed, 'job')} of {queue} moved to the trash", undo)

    said = f"{quantity(waiting, 'waiting job')} of {queue} will go to the trash; U or `qctl trash restore` undoes that."
    return Act(f"Clear {queue}", said, ("clear", queue, "--confirm", queue), run, confirm=queue)


def restore(ops: Ops, batch: str, jobs: int) -> Act:
    """Bring a batch back from the trash."""

    def run(progress: Progress) -> Done:
        result = ops.trash.restore(batch, progress=progress)
        return Done(f"{quantity(result.restored, 'job')} of {result.queue} restored")

    said = f"{quantity(jobs, 'job')} will go back from the trash to where they were."
    return Act(f"Restore {batch}", said, ("trash", "restore", batch), run)
