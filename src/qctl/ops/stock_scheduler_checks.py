"""Findings about schedulers that are not qctl's: `rq cron` and rq-scheduler."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from shlex import quote

from qctl.broker.scheduler.rq_cron import CronScheduler
from qctl.models import Finding, Schedule
from qctl.quantities import clause, quantity

OVERDUE_SECONDS = 90.0
"""Delay of an entry of rq-scheduler that shows that it does not run: it looks every minute by default."""


def check(crons: Sequence[CronScheduler], schedules: Sequence[Schedule], now: float) -> Iterator[Finding]:
    """Report stock schedulers that died. `now` is Redis's time in seconds."""
    for cron in crons:
        if cron.alive and not cron.lists_entries:
            text = (
                f"rq cron {cron.name} runs; its RQ keeps no entries in Redis, so that `qctl schedule list` lacks them"
            )
            yield Finding("rq cron", "ok", text)
        elif cron.alive:
            yield Finding("rq cron", "ok", f"rq cron {cron.name} runs, with {quantity(len(cron.schedules), 'entry')}")
        else:
            queues = ", ".join(sorted({schedule.queue for schedule in cron.schedules}))
            entries = f"; nothing feeds {queues}" if queues else ""
            yield Finding(
                "rq cron",
                "degraded",
                f"its scheduler died: rq cron {cron.name} has sent no heartbeat for {cron.silent_for:.0f} s{entries}",
                "start `rq cron` again; if it was replaced, remove its name: "
                f"redis-cli zrem rq:cron_schedulers {quote(cron.name)}",
            )
    late = [
        schedule
        for schedule in schedules
        if schedule.source == "rq-scheduler"
        and schedule.next_at
        and schedule.next_at.timestamp() < now - OVERDUE_SECONDS
    ]
    if late:
        seconds = now - min(schedule.next_at.timestamp() for schedule in late if schedule.next_at)
        yield Finding(
            "rq-scheduler",
            "degraded",
            f"its scheduler died: {clause(len(late), 'entry', 'is', 'are')} overdue in rq-scheduler, "
            f"by {seconds:.0f} s at most",
            "start `rqscheduler` again, or move its entries to qctl: qctl schedule add",
        )
