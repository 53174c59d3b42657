"""Sets and lifts the blackout of a schedule."""

from __future__ import annotations

from redis import Redis

from qctl.broker.bookkeeping import events
from qctl.broker.redis import job_fields, keys, replies
from qctl.broker.scheduler import schedules
from qctl.broker.scheduler.blackout import Blackout, with_blackout
from qctl.broker.scheduler.cron import NEVER_DUE, CronScheduler, parse_entry
from qctl.broker.scheduler.recurrence import Recurrence
from qctl.models import Schedule


def put(connection: Redis, name: str, blackout: Blackout | None, *, actor: str) -> Schedule:
    """Let a schedule not be due in windows; None lifts that. Raises NotFoundError, and UsageError for invalid windows,
    or if it would never be due."""
    schedules.get_schedule(connection, name)
    entry = parse_entry(connection, name, replies.bytes_dict(connection.hgetall(keys.schedule(name))))
    raw = f"{blackout.zone} {blackout.text}".encode() if blackout else b""
    rule = with_blackout(Recurrence(entry.rule.cron, entry.rule.every, entry.rule.zone), raw)
    rule.check()
    due, now = connection.zscore(keys.SCHEDULES, name), CronScheduler(connection).now()
    # A run that is due already is left to the scheduler.
    due_again = rule.after(int(due) - (rule.every or 1)) if due is not None and now < due < NEVER_DUE else None
    change = f"blackout {blackout.text}" if blackout else "no blackout"
    with connection.pipeline() as pipe:
        if blackout:
            pipe.hset(keys.schedule(name), job_fields.SCHEDULE_BLACKOUT, raw)
        else:
            pipe.hdel(keys.schedule(name), job_fields.SCHEDULE_BLACKOUT)
        if due_again is not None:
            pipe.zadd(keys.SCHEDULES, {name: due_again}, xx=True)
        job = entry.job
        events.record(pipe, "schedule", queue=job.queue, name=job.name, actor=actor, reason=f"{name}: {change}")
        pipe.execute()
    return schedules.get_schedule(connection, name)
