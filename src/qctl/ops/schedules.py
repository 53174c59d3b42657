"""Scheduled jobs: qctl's schedules, those of a stock rq-scheduler, and jobs in RQ's own registry."""

from __future__ import annotations

import builtins
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import islice
from shlex import quote
from typing import Any

from qctl import catalog
from qctl.broker.admin.move_jobs import Cancel
from qctl.broker.bookkeeping import events, notes
from qctl.broker.query import stats_snapshot
from qctl.broker.redis import clock
from qctl.broker.scheduler import delayed_jobs, edit_schedule, rq_cron, run_history, schedule_blackout, schedules
from qctl.broker.scheduler.blackout import Blackout
from qctl.broker.scheduler.recurrence import Recurrence
from qctl.catalog import arguments
from qctl.catalog.options import Options
from qctl.errors import NotFoundError, RefusedError, UsageError
from qctl.models import TIMER_KINDS, Coming, Concern, EditableSchedule, Schedule, Timer, TimerKind, Timers
from qctl.models.schedules import CatchUp, Overlap
from qctl.ops.base import Part
from qctl.ops.selection import select_queues

OVERDUE_SECONDS = 60.0
"""Delay after which a due job counts as overdue: a running scheduler checks every second."""

MISSED_REPORT_SECONDS = 86_400.0
"""Time for which missed runs are reported."""

ENDED_STATUSES = ("finished", "failed", "stopped", "canceled", "")
"""Statuses of a job that neither waits nor runs; empty if Redis has deleted it."""


class ScheduleOps(Part, name="schedules"):
    """Schedules and delayed jobs, for `qctl schedule`."""

    def list(self, *, kinds: Sequence[TimerKind] = TIMER_KINDS, queue: str | None = None, limit: int = 50) -> Timers:
        """List schedules and delayed jobs by their next time; paused and broken ones last. All schedules are listed,
        and the first `limit` delayed jobs. Raises NotFoundError for an unknown queue."""
        queues = select_queues(queue, stats_snapshot.queue_names(self._redis))
        now = clock.to_datetime(clock.now_ms(self._redis))
        rows = [row for row in self._schedules(now) if row.kind in kinds and (queue is None or row.queue in queues)]
        total = len(rows)
        if {"repeat", "retry", "once"} & set(kinds):
            jobs = [job for job in delayed_jobs.list_next(self._redis, queues, limit) if job.kind in kinds]
            total += delayed_jobs.count_waiting(self._redis, queues)
            rows += [_with_concerns(job, now) for job in jobs]
        noted = notes.read(self._redis) if rows else {}
        rows = [replace(row, note=noted.get(("schedule", row.name))) for row in rows]
        return Timers(sorted(rows, key=_by_time), total)

    def next(self, *, names: Sequence[str] = (), queue: str | None = None, count: int = 10) -> builtins.list[Coming]:
        """List the next times, of all schedules and delayed jobs or of the named ones. Raises NotFoundError."""
        listed = self.list(queue=queue, limit=count).rows
        rows = [self._find(name, listed) for name in names] if names else listed
        upcoming = [Coming(at, row) for row in rows for at in self._times(row, count)]
        return builtins.list(islice(sorted(upcoming, key=lambda coming: (coming.at, coming.timer.name)), count))

    def _times(self, row: Timer, count: int) -> builtins.list[datetime]:
        if row.next_at is None:
            return []
        if row.cron is None and (not row.every or row.kind == "repeat"):
            return [row.next_at]
        every = row.every[0] if row.every else None
        schedule = Schedule(
            row.name,
            row.job,
            row.queue,
            row.cron,
            every,
            timezone=row.timezone,
            next_at=row.next_at,
            left=row.left,
            blackout=row.blackout,
        )
        return schedules.next_times(schedule, count)

    def add(
        self,
        name: str,
        job: str,
        pairs: Sequence[str] = (),
        data: Mapping[str, Any] | None = None,
        *,
        cron: str | None = None,
        every: int | None = None,
        timezone: str | None = None,
        catch_up: CatchUp = "one",
        overlap: Overlap = "allow",
        pause_on_failure: bool = False,
        repeat: int | None = None,
        job_queue: str | None = None,
        job_options: Options | None = None,
        replace_existing: bool = False,
    ) -> Timer:
        """Schedule a job of the catalog, or a function that QCTL_ALLOWED_JOBS allows, by a cron rule, or `every` so
        many seconds. `pairs` are `name=value` arguments that supplement `data`; those of a function are texts.
        `job_queue` is the queue of a function. Raises UsageError, NotFoundError, and RefusedError if the name is
        taken."""
        payload = {**(data or {}), **self._parse_pairs(job, pairs)}
        schedule = schedules.add(
            self._redis,
            self._settings,
            name,
            job,
            payload,
            cron=cron,
            every=every,
            zone=timezone,
            catch_up=catch_up,
            overlap=overlap,
            pause_on_failure=pause_on_failure,
            repeat=repeat,
            queue=job_queue,
            job_options=job_options,
            replacing=replace_existing,
            actor=events.actor(),
        )
        return _timer(schedule)

    def edit(
        self,
        name: str,
        pairs: Sequence[str] = (),
        data: Mapping[str, Any] | None = None,
        *,
        cron: str | None = None,
        every: int | None = None,
        timezone: str | None = None,
        catch_up: CatchUp | None = None,
        overlap: Overlap | None = None,
        pause_on_failure: bool | None = None,
        repeat: int | None = None,
    ) -> Timer:
        """Change what is given of a schedule. `pairs` replace single arguments, `data` all of them. `repeat` is the
        number of further runs, 0 for no end. A pause stays, and the next run too unless the times change.

        Raises NotFoundError, UsageError, and RefusedError for a schedule of the settings or of another program.
        """
        self._require_own(name, "edit")
        before = self.editable(name)
        if pairs:
            data = {**(before.arguments if data is None else data), **self._parse_pairs(before.timer.job, pairs)}
        schedule = edit_schedule.edit(
            self._redis,
            self._settings,
            name,
            cron=cron,
            every=every,
            zone=timezone,
            data=data,
            catch_up=catch_up,
            overlap=overlap,
            pause_on_failure=pause_on_failure,
            repeat=repeat,
            actor=events.actor(),
        )
        return _timer(schedule)

    def editable(self, name: str) -> EditableSchedule:
        """Read a schedule with its arguments. Raises NotFoundError, UsageError, and RefusedError for a foreign one."""
        self._require_own(name, "edit")
        arguments_ = dict(schedules.read_entry(self._redis, name).job.arguments)
        return EditableSchedule(_timer(schedules.get_schedule(self._redis, name)), arguments_)

    def preview(
        self, *, cron: str | None = None, every: int | None = None, timezone: str | None = None, count: int = 3
    ) -> builtins.list[datetime]:
        """Compute the next due times of a rule that is not stored. Raises UsageError if it is invalid."""
        rule = Recurrence(" ".join(cron.split()) if cron else None, every, timezone or self._settings.timezone)
        rule.check()
        times = [rule.after(int(time.time()))]
        while len(times) < count:
            times.append(rule.after(times[-1]))
        return [clock.to_datetime(at * 1000) for at in times]

    def _parse_pairs(self, job: str, pairs: Sequence[str]) -> dict[str, Any]:
        """Parse `name=value` arguments of a job. Raises UsageError, and NotFoundError for an unknown job."""
        known = catalog.jobs(self._settings.jobs_modules)
        if job in known:
            return arguments.parse(job, known[job].arguments, pairs)
        if "." in job:
            return dict(_texts(pairs))
        hint = "known jobs: " + ", ".join(sorted(known))
        raise NotFoundError.with_suggestions(f"job {job!r} not found", job, known, hint)

    def remove(self, name: str) -> Timer:
        """Delete a schedule, or cancel a delayed job. Jobs that the schedule created stay.

        Raises NotFoundError, and RefusedError for a schedule that another program would create again.
        """
        row = self._find(name)
        if row.kind == "rq-scheduler":
            raise RefusedError(
                f"cannot remove {name!r}: a stock rq-scheduler owns it", "pause it, or remove it in its own program"
            )
        _require_not_rq_cron(row, "remove")
        if row.kind in ("cron", "every"):
            schedules.remove(self._redis, name, actor=events.actor())
            return row
        (word,), _ = Cancel(events.actor())(self._redis, row.queue, "scheduled", [name.encode()], [])
        self._require(name, word)
        return replace(row, next_at=None)

    def pause(self, name: str) -> tuple[Timer, bool]:
        """Pause a schedule or a delayed job until `resume`; also return whether that changed anything. Runs missed
        meanwhile are not caught up. Raises NotFoundError."""
        row = self._find(name)
        if row.kind not in ("cron", "every"):
            return self._apply(row, "pause")
        if row.paused_by is not None:
            return row, False
        return _timer(schedules.pause(self._redis, name, actor=events.actor())), True

    def resume(self, name: str) -> tuple[Timer, bool]:
        """Resume a schedule or a delayed job; also return whether that changed anything. Raises NotFoundError."""
        row = self._find(name)
        if row.kind not in ("cron", "every"):
            return self._apply(row, "resume")
        return _timer(schedules.resume(self._redis, name, actor=events.actor())), row.next_at is None

    def run(self, name: str) -> tuple[Timer, str]:
        """Run a schedule now, in addition to its times, or a delayed job instead of its time. Returns the job's id.

        Raises NotFoundError, and RefusedError if the job already waits or runs.
        """
        row = self._find(name)
        if row.kind in ("cron", "every"):
            return row, schedules.run(self._redis, name, actor=events.actor())
        self._apply(row, "run")
        return row, name

    def skip(self, name: str) -> tuple[Timer, bool]:
        """Leave out the next run of a schedule. Raises NotFoundError, and RefusedError if it is paused, or another
        program's."""
        self._require_own(name, "skip a run of")
        return _timer(schedules.skip(self._redis, name, actor=events.actor())), True

    def blackout(self, name: str, windows: str | None, zone: str | None = None) -> tuple[Timer, bool]:
        """Let a schedule not be due in windows (`broker.scheduler.blackout`), local times of `zone`, by default
        QCTL_TIMEZONE; None lifts that. Raises NotFoundError, UsageError, and RefusedError if it is another program's.
        """
        self._require_own(name, "set a blackout of")
        rule = None if windows is None else Blackout(" ".join(windows.split()), zone or self._settings.timezone)
        if rule is not None:
            rule.check()
        return _timer(schedule_blackout.put(self._redis, name, rule, actor=events.actor())), True

    def backfill_times(self, name: str, since: float, until: float) -> builtins.list[datetime]:
        """List the times in a span (s since 1970) at which a schedule is due. Raises NotFoundError and UsageError."""
        self._require_own(name, "backfill")
        return [clock.to_datetime(at * 1000) for at in schedules.backfill_times(self._redis, name, since, until)]

    def backfill(self, name: str, since: float, until: float) -> builtins.list[str]:
        """Create the jobs of a schedule for a span (s since 1970). Jobs that exist are not created again. Returns the
        new ids. Raises NotFoundError and UsageError."""
        self._require_own(name, "backfill")
        times = schedules.backfill_times(self._redis, name, since, until)
        return schedules.backfill(self._redis, name, times, actor=events.actor())

    # --- lookup ------------------------------------------------------------------------------------------------

    def _schedules(self, now: datetime) -> builtins.list[Timer]:
        """Return every schedule with its problems."""
        pairs = [(schedule, _timer(schedule)) for schedule in self._all()]
        history = run_history.read(self._redis, [row.name for _, row in pairs if row.kind in ("cron", "every")])
        statuses = delayed_jobs.read_statuses(self._redis, {row.last_job for _, row in pairs if row.last_job})
        running = [job.id for job in stats_snapshot.running_jobs(self._redis, sorted({row.queue for _, row in pairs}))]
        return [
            _with_concerns(
                replace(row, last_status=statuses.get(row.last_job or "") or None, last_runs=history.get(row.name, ())),
                now,
                missed=schedule.missed if _is_recent(schedule.missed_at, now) else 0,
                at_once=sum(job_id.startswith(f"cron-{row.name}-") for job_id in running),
            )
            for schedule, row in pairs
        ]

    def _all(self) -> builtins.list[Schedule]:
        """Return qctl's schedules and those of stock schedulers."""
        cron = (schedule for scheduler in rq_cron.read(self._redis) for schedule in scheduler.schedules)
        return [*schedules.list_all(self._redis), *cron]

    def _find(self, name: str, listed: Sequence[Timer] | None = None) -> Timer:
        """Return the schedule of this name, or the delayed job of this id. Raises NotFoundError."""
        known = listed if listed is not None else [_timer(schedule) for schedule in self._all()]
        row = next((row for row in known if row.name == name), None) or delayed_jobs.find_job(self._redis, name)
        if row is not None:
            return row
        message = f"neither a schedule nor a delayed job {name!r} found"
        raise NotFoundError.with_suggestions(
            message, name, [row.name for row in known], "list with: qctl schedule list"
        )

    def _require_own(self, name: str, action: str) -> None:
        """Raise RefusedError for anything but a schedule of qctl's."""
        row = self._find(name)
        if row.kind not in ("cron", "every"):
            raise RefusedError(f"cannot {action} {name!r}: it is no schedule of qctl's", "qctl schedule list")

    def _apply(self, row: Timer, action: str) -> tuple[Timer, bool]:
        _require_not_rq_cron(row, action)
        foreign = row.kind == "rq-scheduler"
        word = delayed_jobs.apply_action(
            self._redis, row.name, row.queue, action, actor=events.actor(), foreign=foreign
        )
        if word == "unchanged":
            return row, False
        self._require(row.name, word)
        return (row if action == "run" else self._find(row.name)), True

    def _require(self, name: str, word: str) -> None:
        """Raise the error for a script's reply other than `done`."""
        if word == "done":
            return
        if word in ("absent", "gone"):
            raise NotFoundError(f"job {name!r} is not delayed any more", hint=f"qctl job show {quote(name)}")
        if word == "limited":
            raise RefusedError(f"cannot run job {name!r} now: RQ's rate limit decides when it runs")
        raise RefusedError(f"job {name!r} is already {word}", f"qctl job show {quote(name)}")


_FOREIGN_KINDS: Mapping[str, TimerKind] = {"rq-scheduler": "rq-scheduler", rq_cron.SOURCE: "rq-cron"}


def _require_not_rq_cron(row: Timer, action: str) -> None:
    """Raise RefusedError for an entry of `rq cron`: it is in the file that this reads."""
    if row.kind == "rq-cron":
        raise RefusedError(
            f"cannot {action} {row.name!r}: `rq cron` owns it", "change the file that it reads, and restart it"
        )


def _timer(schedule: Schedule) -> Timer:
    """Convert a schedule to a row of the list."""
    kind: TimerKind = "cron" if schedule.cron else "every"
    paused = schedule.next_at is not None and schedule.next_at.timestamp() >= delayed_jobs.PAUSED_DUE_SECONDS
    paused_by = schedule.paused_by or ("?" if paused else None)
    concerns = (Concern("broken", text=schedule.problem),) if schedule.problem else ()
    return Timer(
        _FOREIGN_KINDS.get(schedule.source, kind),
        schedule.name,
        schedule.job,
        schedule.queue,
        next_at=None if paused else schedule.next_at,
        last_at=schedule.last_at,
        last_job=schedule.last_job,
        cron=schedule.cron,
        timezone=schedule.timezone,
        every=() if schedule.every is None else (schedule.every,),
        left=schedule.left,
        runs=schedule.runs,
        catch_up=schedule.catch_up,
        overlap=schedule.overlap,
        pause_on_failure=schedule.pause_on_failure,
        blackout=schedule.blackout,
        paused_by=paused_by,
        source=schedule.source,
        payload=schedule.payload,
        concerns=concerns,
    )


def _texts(pairs: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Split `name=value` arguments of a function. Raises UsageError."""
    for pair in pairs:
        name, sign, value = pair.partition("=")
        if not sign or not name.isidentifier():
            raise UsageError(f"argument {pair!r} is not name=value")
        yield name, value


def _is_recent(when: datetime | None, now: datetime) -> bool:
    return when is not None and (now - when).total_seconds() < MISSED_REPORT_SECONDS


def _with_concerns(row: Timer, now: datetime, *, missed: int = 0, at_once: int = 0) -> Timer:
    concerns = builtins.list(row.concerns)
    late = (now - row.next_at).total_seconds() if row.next_at else 0.0
    if late > OVERDUE_SECONDS:
        concerns.append(Concern("overdue", seconds=late))
    if missed:
        concerns.append(Concern("missed", count=missed))
    if at_once > 1:
        concerns.append(Concern("overlap", count=at_once))
    elif row.last_at and row.last_status and row.last_status not in ENDED_STATUSES and row.next_at:
        since = (now - row.last_at).total_seconds()
        if since > (row.next_at - now).total_seconds():
            concerns.append(Concern("slow", seconds=since))
    return replace(row, concerns=tuple(concerns))


def _by_time(row: Timer) -> tuple[bool, float, str]:
    return row.next_at is None, row.next_at.timestamp() if row.next_at else 0.0, row.name
