"""Schedules: rq-scheduler's data model and loop, without its defects.

rq-scheduler 0.14 enqueues a job, removes its entry and adds it again in three steps, under a lock that any scheduler
may release: a crash between the steps runs a job twice or loses its entry. It uses one job id for every run, even if
the last run has not ended. It evaluates cron rules in the time zone of its host, and passes options that it does not
know to the function (all measured). In contrast, here:

- A schedule is a job template under keys of its own, so a stock rq-scheduler may run on the same Redis.
- Each due time gets a job of its own, `cron-{schedule}-{time}`, created in the step that advances the schedule. So any
  number of schedulers may run and be killed: each due time has one run, and no scheduler waits for a lock.
- Redis's clock gives the time; the schedule's time zone and policy decide what is due (`recurrence.py`).
"""

from __future__ import annotations

import logging
import math
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import Any, NamedTuple, get_args

from redis import Redis
from redis.exceptions import RedisError, WatchError
from rq.job import Job
from rq.serializers import JSONSerializer
from rq.utils import utcformat
from rq_scheduler import Scheduler

from qctl.broker.bookkeeping import events
from qctl.broker.producer.enqueue import NewJob
from qctl.broker.redis import clock, job_fields, keys, replies, schedule_keys, untrusted_fields
from qctl.broker.redis.connection import is_temporary
from qctl.broker.redis.scripts import Script
from qctl.broker.scheduler import overlap, run_history
from qctl.broker.scheduler.blackout import blackout_of, with_blackout
from qctl.broker.scheduler.recurrence import Recurrence, RunPlan, plan_runs
from qctl.errors import QctlError, UsageError
from qctl.models import CatchUp
from qctl.models.schedules import Overlap

log = logging.getLogger(__name__)

SCHEDULES_PER_TICK = 100
"""Maximum schedules that run in one tick; the rest run in the next."""

NEVER_DUE = math.inf
"""Due time of a schedule that is paused, or that cannot be read."""

REFUSED_RETRY_SECONDS = 60.0
"""Time (s) before a schedule that Redis rejected is tried again."""

_fire = Script("scheduler/fire", after=("redis/types", "scheduler/trim_runs"))


class ScheduleTemplate(Job):
    """Template of a schedule's jobs: in RQ's format with JSON, under a key that no tool takes for a job."""

    redis_job_namespace_prefix = keys.SCHEDULE_PREFIX

    def __init__(self, id: str | None = None, connection: Redis | None = None, serializer: Any = None) -> None:  # noqa: ARG002 - RQ passes one
        super().__init__(id=id, connection=connection, serializer=JSONSerializer)


@dataclass(frozen=True)
class ScheduleEntry:
    """A schedule: the job that it creates, and when."""

    name: str
    rule: Recurrence
    job: NewJob
    catch_up: CatchUp = "one"
    left: int | None = None
    source: str = "operator"
    overlap: Overlap = "allow"
    pause_on_failure: bool = False

    @property
    def fields(self) -> dict[str, Any]:
        """The schedule's part of the template's `meta`. `cron_string` and `interval` are rq-scheduler's names."""
        policies: dict[str, Any] = {} if self.overlap == "allow" else {"overlap": self.overlap}
        policies |= {"pause_on_failure": True} if self.pause_on_failure else {}
        return {
            **policies,
            "job": self.job.name,
            "cron_string": self.rule.cron,
            "interval": self.rule.every,
            "timezone": self.rule.zone,
            "catch_up": self.catch_up,
            "source": self.source,
        }

    def job_for(self, due: int, repeated: int = 0) -> NewJob:
        """The job for one due time (s since 1970). `repeated` is the time up to which due times come a second time,
        because Redis's clock went back."""
        time = datetime.fromtimestamp(due, timezone.utc)
        suffix = f"-{repeated}" if due <= repeated else ""
        return replace(self.job, id=f"cron-{self.name}-{time:%Y%m%dT%H%M%SZ}{suffix}", trace=uuid.uuid4().hex)


class _JobRow(NamedTuple):
    """A job in a call of `fire.lua`; `values` is the number of its fields and values."""

    job: str
    id: str
    trace: str
    run_due: int
    values: int


class CronScheduler(Scheduler):  # type: ignore[misc, no-any-unimported]  # rq-scheduler has no type hints
    """Stores schedules and creates their jobs. `now` returns seconds since 1970, by default of Redis's clock."""

    scheduled_jobs_key = keys.SCHEDULES
    scheduler_lock_key = keys.lock("cron")
    redis_scheduler_namespace_prefix = keys.SCHEDULER_PREFIX

    def __init__(self, connection: Redis, now: Callable[[], int] | None = None) -> None:
        super().__init__(connection=connection, job_class=ScheduleTemplate, interval=1, name="qctl")
        self.now = now or (lambda: clock.now_ms(connection) // 1000)
        self._not_before: dict[str, float] = {}

    def save(self, entry: ScheduleEntry, *, due: float, paused_by: str | None = None) -> None:
        """Store a schedule that is next due at `due`. Replaces one with its name, but keeps the record of its runs."""
        template: ScheduleTemplate = self._create_job(
            entry.job.handler,
            kwargs=dict(entry.job.arguments),
            commit=False,
            id=entry.name,
            queue_name=entry.job.queue,
            result_ttl=entry.job.result_ttl,
            timeout=entry.job.timeout,
            description=entry.job.name,
            meta=entry.fields,
        )
        template.retry_intervals = list(entry.job.retry_delays) or None
        state = {job_fields.SCHEDULE_RUNS_LEFT: entry.left, job_fields.SCHEDULE_PAUSED_BY: paused_by}
        with self.connection.pipeline() as pipe:
            pipe.hdel(template.key, "retry_intervals", job_fields.SCHEDULE_PROBLEM, *state)
            template.save(pipeline=pipe)
            pipe.hset(
                template.key,
                mapping={name: value for name, value in state.items() if value is not None} or None,
                key=job_fields.SCHEDULE_SOURCE,
                value=entry.source,
            )
            pipe.zadd(self.scheduled_jobs_key, {entry.name: due})
            pipe.execute()

    def enqueue_jobs(self) -> list[str]:
        """Create the jobs that are due. Returns their ids.

        A schedule that cannot be read is paused with its problem, and one that Redis rejects is tried again later, so
        that neither blocks the others. Raises temporary errors of redis-py.
        """
        now = self.now()
        created: list[str] = []
        for raw, due in self.connection.zrangebyscore(
            self.scheduled_jobs_key, "-inf", now, withscores=True, start=0, num=SCHEDULES_PER_TICK
        ):
            name = untrusted_fields.decode(raw)
            if self._not_before.get(name, 0.0) > time.monotonic():
                continue
            try:
                created += self._enqueue(name, int(due), now)
            except QctlError as problem:
                self._pause(name, due, problem.message)
            except RedisError as error:
                if is_temporary(error):
                    raise
                self._not_before[name] = time.monotonic() + REFUSED_RETRY_SECONDS
                log.error("schedule %s cannot run: %s", name, error)  # noqa: TRY400 - the cause is in Redis
        return created

    def _enqueue(self, name: str, due: int, now: int) -> list[str]:
        fields = self.connection.hgetall(keys.schedule(name))
        if not fields:
            self._delete_if_empty(name)
            return []
        entry = parse_entry(self.connection, name, fields)
        verdict, last_job = overlap.judge(
            self.connection, fields, entry.overlap, pause_on_failure=entry.pause_on_failure
        )
        if verdict == "failed":
            self._pause(name, due, f"its last run failed, job {last_job}; it pauses on failure")
            return []
        if verdict == "wait":
            self._postpone(name, due, now + 1)
            return []
        window = blackout.window_at(now) if (blackout := blackout_of(entry.rule)) else None
        if window is not None:  # it was due before, and nobody created its run
            self._postpone(name, due, window[1])
            return []
        plan = plan_runs(entry.rule, due, now, entry.catch_up)
        dropped = len(plan.runs) if verdict == "skip" else 0
        plan = replace(plan, runs=[]) if dropped else plan
        runs = plan.runs if entry.left is None else plan.runs[: entry.left]
        left = None if entry.left is None else entry.left - len(runs)
        repeated = fields.get(job_fields.SCHEDULE_REPEATED.encode(), b"0")
        jobs = [entry.job_for(run, int(repeated) if repeated.isdigit() else 0) for run in runs]
        reply = _fire(self.connection, **self._values(entry, due, now, replace(plan, runs=runs), jobs, left, dropped))
        if replies.integer(reply) < 0:
            return []
        if dropped:
            log.info("schedule %s: %d runs were dropped, because job %s has not ended", name, dropped, last_job)
        if plan.skipped:
            log.warning(
                "schedule %s missed %d runs while no scheduler ran; policy %s", name, plan.skipped, entry.catch_up
            )
        log.debug("schedule %s was due: %d jobs created", name, len(jobs))
        return [job.id for job in jobs]

    def _values(
        self,
        entry: ScheduleEntry,
        due: int,
        now: int,
        plan: RunPlan,
        jobs: list[NewJob],
        left: int | None,
        dropped: int,
    ) -> dict[str, Any]:
        """The values of `fire.lua`."""
        rows: list[_JobRow] = []
        fields: list[Any] = []
        for job, run_due in zip(jobs, plan.runs, strict=True):
            own = [part for pair in job.hash_fields().items() for part in pair]
            rows.append(_JobRow(keys.job(job.id), job.id, job.trace or "", run_due, len(own)))
            fields += own
        return {
            "schedules": keys.SCHEDULES,
            "schedule": keys.schedule(entry.name),
            "history": schedule_keys.runs(entry.name),
            "max_runs": run_history.MAX_RUNS,
            "waiting": keys.queue(entry.job.queue),
            "queues": keys.QUEUES,
            "events": keys.EVENTS,
            "schedule_name": entry.name,
            "due": due,
            "next_due": "" if left == 0 else plan.next,
            "runs_left": "" if left is None else left,
            "last_due": plan.runs[-1] if plan.runs else "",
            "now": utcformat(datetime.fromtimestamp(now, timezone.utc)),
            "max_events": events.MAX_ENTRIES,
            "queue": entry.job.queue,
            "job_name": entry.job.name,
            "skipped": plan.skipped,
            "dropped": dropped,
            "catch_up": entry.catch_up,
            "jobs": rows,
            "fields": fields,
        }

    def _postpone(self, name: str, due: float, until: int) -> None:
        """Let a run wait for the end of the last one, unless the schedule has changed meanwhile."""
        with self.connection.pipeline() as pipe, suppress(WatchError):
            pipe.watch(self.scheduled_jobs_key)
            if pipe.zscore(self.scheduled_jobs_key, name) == due:
                pipe.multi()
                pipe.zadd(self.scheduled_jobs_key, {name: until}, xx=True)
                pipe.execute()

    def _delete_if_empty(self, name: str) -> None:
        """Delete the entry of a schedule without a hash, unless the hash is written meanwhile."""
        with self.connection.pipeline() as pipe:
            try:
                pipe.watch(keys.schedule(name))
                if pipe.exists(keys.schedule(name)):
                    return
                pipe.multi()
                pipe.zrem(self.scheduled_jobs_key, name)
                events.record(pipe, "discarded", name=name, reason="its hash does not exist")
                pipe.execute()
            except WatchError:
                return
        log.warning("deleted schedule %s: its hash does not exist", name)

    def move_back(self, before: int, after: int, affects: Callable[[float], bool]) -> int:
        """Move due times after a step of Redis's clock from `before` to `after`. Returns how many moved.

        An interval keeps its wait. A rule for every hour starts from the new time. Any other keeps its due time, so
        that a daily job does not run twice.
        """
        moved = 0
        for raw, due in self.connection.zrangebyscore(self.scheduled_jobs_key, "-inf", "(+inf", withscores=True):
            name = untrusted_fields.decode(raw)
            if not affects(due):
                continue
            with suppress(UsageError):  # `enqueue_jobs` reports a schedule that cannot be read
                entry = parse_entry(self.connection, name, self.connection.hgetall(keys.schedule(name)))
                if entry.rule.every is not None:
                    moved += self._move(name, due, int(due) - (before - after), before)
                elif entry.rule.every_hour:
                    moved += self._move(name, due, entry.rule.after(after), before)
        return moved

    def _move(self, name: str, due: float, new_due: int, before: int) -> bool:
        """Move a due time, unless it has changed meanwhile."""
        with self.connection.pipeline() as pipe:
            try:
                pipe.watch(keys.schedule(name), self.scheduled_jobs_key)
                if pipe.zscore(self.scheduled_jobs_key, name) != due:
                    return False
                pipe.multi()
                pipe.zadd(self.scheduled_jobs_key, {name: new_due})
                pipe.hset(keys.schedule(name), job_fields.SCHEDULE_REPEATED, before)
                pipe.execute()
            except WatchError:
                return False
        return True

    def _pause(self, name: str, due: float, problem: str) -> None:
        """Pause a schedule that cannot be read until it is written again."""
        with self.connection.pipeline() as pipe:
            try:
                pipe.watch(keys.schedule(name), self.scheduled_jobs_key)
                if pipe.zscore(self.scheduled_jobs_key, name) != due:
                    return
                pipe.multi()
                pipe.zadd(self.scheduled_jobs_key, {name: NEVER_DUE})
                pipe.hset(keys.schedule(name), job_fields.SCHEDULE_PROBLEM, problem)
                pipe.execute()
            except WatchError:
                return
        log.error("paused schedule %s: %s", name, problem)


def parse_entry(connection: Redis, name: str, fields: Mapping[bytes, bytes]) -> ScheduleEntry:
    """Parse the hash of a schedule. Raises QctlError if it cannot be read or its rule is invalid."""
    try:
        template = ScheduleTemplate(name, connection)
        template.restore(dict(fields))
        meta: Any = template.meta
        rule = with_blackout(
            Recurrence(meta.get("cron_string"), meta.get("interval"), str(meta.get("timezone", "UTC"))),
            fields.get(job_fields.SCHEDULE_BLACKOUT.encode()),
        )
        job = NewJob(
            id="",
            name=str(meta.get("job") or template.description or template.func_name),
            handler=str(template.func_name),
            queue=template.origin,
            arguments=dict(template.kwargs),
            timeout=int(template.timeout or 180),
            retry_delays=tuple(template.retry_intervals or ()),
            result_ttl=int(template.result_ttl if template.result_ttl is not None else 86_400),
        )
        catch_up = meta.get("catch_up", "one")
        left = fields.get(job_fields.SCHEDULE_RUNS_LEFT.encode())
        entry = ScheduleEntry(
            name,
            rule,
            job,
            catch_up,
            None if left is None else int(left),
            str(meta.get("source", "operator")),
            meta.get("overlap", "allow"),
            meta.get("pause_on_failure") is True,
        )
    except Exception as error:  # a corrupt hash may raise anything
        raise UsageError(f"cannot be read: {type(error).__name__}: {error}") from error
    if catch_up not in get_args(CatchUp) or entry.overlap not in get_args(Overlap) or not job.queue:
        raise UsageError("cannot be read: it has no queue, or an unknown policy")
    rule.check()
    return entry
