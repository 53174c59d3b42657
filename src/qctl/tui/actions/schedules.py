"""Actions on schedules and on jobs that are due later."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

from qctl.models import Selector, Timer
from qctl.tui.actions.action import Action, ActionResult
from qctl.tui.actions.jobs import cancel
from qctl.view import NO_VALUE, describe_rule, local_time

if TYPE_CHECKING:
    from qctl.models import Progress
    from qctl.ops import Ops


def pause_schedule(ops: Ops, timer: Timer) -> Action:
    """Pause a schedule or a job that is due later."""

    def run(_: Progress) -> ActionResult:
        changed = ops.schedules.pause(timer.name)[1]
        if not changed:
            return ActionResult(f"{timer.name} was already paused")
        return ActionResult(f"{timer.name} is paused", resume_schedule(ops, timer))

    consequence = f"{_describe(timer)} will not run until it is resumed. Runs that are due meanwhile are skipped."
    return Action(f"Pause {timer.name}", consequence, ("schedule", "pause", timer.name), run)


def resume_schedule(ops: Ops, timer: Timer) -> Action:
    """Resume a paused schedule or job."""

    def run(_: Progress) -> ActionResult:
        changed = ops.schedules.resume(timer.name)[1]
        if not changed:
            return ActionResult(f"{timer.name} was not paused")
        return ActionResult(f"{timer.name} is resumed", pause_schedule(ops, timer))

    consequence = f"{_describe(timer)} will run again, {describe_rule(timer)}."
    return Action(f"Resume {timer.name}", consequence, ("schedule", "resume", timer.name), run)


def run_schedule(ops: Ops, timer: Timer) -> Action:
    """Run a schedule once, or a job that is due later, now."""
    repeats = timer.kind in ("cron", "every")

    def run(_: Progress) -> ActionResult:
        row, job_id = ops.schedules.run(timer.name)
        undo = cancel(ops, Selector(ids=(job_id,)), 1) if repeats else None
        return ActionResult(f"{timer.name}: job {job_id} waits in {row.queue}", undo)

    times = "in addition to its times, which do not change" if repeats else "instead of at its time"
    undo = "U cancels it until it starts." if repeats else "U does not undo this."
    consequence = f"1 job of {timer.queue} will run now, {times}. {undo}"
    return Action(f"Run {timer.name} now", consequence, ("schedule", "run", timer.name), run)


def skip_run(ops: Ops, timer: Timer) -> Action:
    """Leave out the next run of a schedule."""

    def run(_: Progress) -> ActionResult:
        row, _changed = ops.schedules.skip(timer.name)
        return ActionResult(f"{row.name}: run skipped; next run {_local(row.next_at)}")

    consequence = f"The run of {_local(timer.next_at)} will be left out, the later ones not. U does not undo this."
    return Action(f"Skip the next run of {timer.name}", consequence, ("schedule", "skip", timer.name), run)


def _local(when: datetime | None) -> str:
    return local_time(when, datetime.now(timezone.utc))


def remove_schedule(ops: Ops, timer: Timer) -> Action:
    """Delete a schedule, or cancel a job that is due later."""
    is_schedule = timer.kind in ("cron", "every", "rq-scheduler", "rq-cron")

    def run(_: Progress) -> ActionResult:
        ops.schedules.remove(timer.name)
        return ActionResult(f"{timer.name} is removed")

    effect = "be deleted; jobs that it created stay" if is_schedule else "be canceled, and not run unless it is retried"
    consequence = f"{_describe(timer)} will {effect}. U does not undo this."
    arguments = ("schedule", "remove", timer.name)
    return Action(f"Remove {timer.name}", consequence, arguments, run, confirm=timer.name if is_schedule else "")


def _describe(timer: Timer) -> str:
    """`1 schedule (every 5m; 7 runs so far)`, `1 job of email`."""
    if timer.kind in ("repeat", "retry", "once"):
        return f"1 job of {timer.queue}"
    runs = NO_VALUE if timer.runs is None else timer.runs
    return f"1 schedule ({describe_rule(timer)}; {runs} runs so far)"
