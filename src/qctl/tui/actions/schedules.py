"""Acts on what comes at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qctl.models import Selector, Timer
from qctl.tui.actions.action import Act, Done
from qctl.tui.actions.jobs import cancel
from qctl.view import NO_VALUE, describe_rule

if TYPE_CHECKING:
    from qctl.models import Progress
    from qctl.ops import Ops


def hold(ops: Ops, timer: Timer) -> Act:
    """Let a schedule, or a job that waits for its time, come no more for now."""

    def run(_: Progress) -> Done:
        changed = ops.schedules.pause(timer.name)[1]
        if not changed:
            return Done(f"{timer.name} was paused already")
        return Done(f"{timer.name} is paused", release(ops, timer))

    said = f"{what(timer)} will not come until somebody resumes it. Times that pass meanwhile are not made up for."
    return Act(f"Pause {timer.name}", said, ("schedule", "pause", timer.name), run)


def release(ops: Ops, timer: Timer) -> Act:
    """Let a paused one come again."""

    def run(_: Progress) -> Done:
        changed = ops.schedules.resume(timer.name)[1]
        return Done(
            f"{timer.name} {'comes again' if changed else 'was not paused'}", hold(ops, timer) if changed else None
        )

    said = f"{what(timer)} will come again, {describe_rule(timer)}."
    return Act(f"Resume {timer.name}", said, ("schedule", "resume", timer.name), run)


def run_now(ops: Ops, timer: Timer) -> Act:
    """Run it once, now."""
    schedule = timer.kind in ("cron", "every")

    def run(_: Progress) -> Done:
        row, job_id = ops.schedules.run(timer.name)
        undo = cancel(ops, Selector(ids=(job_id,)), 1) if schedule else None
        return Done(f"{timer.name}: job {job_id} waits in {row.queue}", undo)

    beside = "beside its times, which stay as they are" if schedule else "instead of at its time"
    undo = "U cancels it, as long as it has not started." if schedule else "U does not undo this."
    said = f"1 job of {timer.queue} will run now, {beside}. {undo}"
    return Act(f"Run {timer.name} now", said, ("schedule", "run", timer.name), run)


def remove(ops: Ops, timer: Timer) -> Act:
    """Forget a schedule, or cancel a job that waits for its time."""
    schedule = timer.kind in ("cron", "every", "rq-scheduler")

    def run(_: Progress) -> Done:
        ops.schedules.remove(timer.name)
        return Done(f"{timer.name} comes no more")

    then = "is forgotten; jobs that it made stay" if schedule else "is canceled, and will not run unless it is retried"
    said = f"{what(timer)} {then}. U does not undo this."
    return Act(
        f"Remove {timer.name}", said, ("schedule", "remove", timer.name), run, confirm=timer.name if schedule else ""
    )


def what(timer: Timer) -> str:
    """`1 schedule (every 5m, 7 runs so far)`, `1 job of email`."""
    if timer.kind in ("repeat", "retry", "once"):
        return f"1 job of {timer.queue}"
    runs = NO_VALUE if timer.runs is None else timer.runs
    return f"1 schedule ({describe_rule(timer)}; {runs} runs so far)"
