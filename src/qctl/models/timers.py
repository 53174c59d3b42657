"""Timers: schedules, and delayed jobs in RQ's own registry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from qctl.models.annotations import Note

TimerKind = Literal["cron", "every", "rq-scheduler", "rq-cron", "repeat", "retry", "once"]
"""`cron` and `every` are schedules of qctl, `rq-scheduler` and `rq-cron` are those of stock schedulers; the others are
jobs in RQ's registry of scheduled jobs: RQ's repeats, retries of failed attempts, and jobs that run once at a time."""

TIMER_KINDS: tuple[TimerKind, ...] = ("cron", "every", "rq-scheduler", "rq-cron", "repeat", "retry", "once")


@dataclass(frozen=True)
class Concern:
    """A problem of a timer.

    `overdue`: it is `seconds` late. `missed`: `count` of its runs were not created. `overlap`: `count` of its runs run
    at the same time. `slow`: its last run still waits or runs after `seconds`, and the next one is near or due.
    `broken`: it cannot run, for the reason `text`.
    """

    kind: Literal["overdue", "missed", "overlap", "slow", "broken"]
    seconds: float = 0.0
    count: int = 0
    text: str = ""


RunOutcome = Literal[
    "waiting", "running", "finished", "failed", "stopped", "canceled", "unknown", "missed", "dropped", "skipped"
]
"""State of a run of a schedule. `unknown`: Redis has deleted its job. Not created were runs that are `missed`, because
no scheduler ran; `dropped`, because the last one had not ended; `skipped` by an operator."""


@dataclass(frozen=True)
class ScheduleRun:
    """A run of a schedule that was due at `due_at`. `job` is the id of its job, empty if none was created; `count` runs
    were missed, dropped or skipped. `overlaps` is True if it started before the run before it had ended."""

    due_at: datetime
    outcome: RunOutcome
    job: str = ""
    started_at: datetime | None = None
    ended_at: datetime | None = None
    count: int = 1
    overlaps: bool = False

    @property
    def seconds(self) -> float | None:
        """Duration of the run (s), None if it has not ended or that is not known."""
        if self.started_at is None or self.ended_at is None:
            return None
        return max(0.0, (self.ended_at - self.started_at).total_seconds())


@dataclass(frozen=True)
class Timer:
    """A schedule or a delayed job. `name` is the name of the schedule, or the id of the job.

    `every` has the intervals (s), several if they differ; `left` is the number of remaining runs, None for no end.
    `next_at` is None while it is paused. `source` is `settings`, `operator`, `rq-scheduler`, `rq-cron` or `rq`.
    `payload` has the arguments of its job, None if unreadable. `overlap` is the policy for runs that are due before the
    last one has ended, None if it has none. `last_runs` are those of a schedule of qctl that are remembered, the oldest
    first.
    """

    kind: TimerKind
    name: str
    job: str
    queue: str
    next_at: datetime | None = None
    last_at: datetime | None = None
    last_job: str | None = None
    last_status: str | None = None
    cron: str | None = None
    timezone: str = "UTC"
    every: tuple[int, ...] = ()
    left: int | None = None
    runs: int | None = None
    catch_up: str | None = None
    paused_by: str | None = None
    source: str = "rq"
    payload: str | None = None
    concerns: tuple[Concern, ...] = field(default=())
    overlap: str | None = None
    pause_on_failure: bool = False
    blackout: str = ""
    """Zone, a space, and windows in which a schedule is not due; empty without any."""
    note: Note | None = None
    """Note of an operator on it."""
    last_runs: tuple[ScheduleRun, ...] = ()


@dataclass(frozen=True)
class EditableSchedule:
    """A schedule, and the arguments of its job."""

    timer: Timer
    arguments: Mapping[str, Any]


@dataclass(frozen=True)
class Timers:
    """Timers by their next time. `total` counts all, including those that are not listed."""

    rows: list[Timer]
    total: int


@dataclass(frozen=True)
class Coming:
    """One upcoming run of a timer."""

    at: datetime
    timer: Timer
