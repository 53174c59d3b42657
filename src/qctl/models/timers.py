"""Whatever comes at a time: schedules, and jobs that wait for their time in RQ's own registry."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

TimerKind = Literal["cron", "every", "rq-scheduler", "repeat", "retry", "once"]
"""`cron` and `every` are schedules of qctl's, `rq-scheduler` what a stock scheduler keeps; the others are jobs in RQ's
registry of scheduled jobs: RQ's repeats, retries of attempts that failed, and jobs that run once at their time."""

TIMER_KINDS: tuple[TimerKind, ...] = ("cron", "every", "rq-scheduler", "repeat", "retry", "once")


@dataclass(frozen=True)
class Concern:
    """Something that is not as it should be with a timer.

    `overdue`: it should have come `seconds` ago. `missed`: nobody was there for `count` of its times. `overlap`:
    `count` of its runs go on at once. `slow`: its last run still waits or runs after `seconds`, and the next one is
    near or due. `broken`: `text` says why it cannot come.
    """

    kind: Literal["overdue", "missed", "overlap", "slow", "broken"]
    seconds: float = 0.0
    count: int = 0
    text: str = ""


@dataclass(frozen=True)
class Timer:
    """Something that comes at a time. `name` is a schedule's name, or a job's id.

    `every` are the seconds between its times, more than one where they differ; `left` is how many times are to come,
    None for no end. `next_at` is None while it is paused. `source` is who asked for it: `settings`, `operator`,
    `rq-scheduler` or `rq`. `payload` is what its job is called with, where that can be read.
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


@dataclass(frozen=True)
class Timers:
    """Timers by when they come, and how many there are. There may be more than are listed."""

    rows: list[Timer]
    total: int


@dataclass(frozen=True)
class Coming:
    """One time at which something comes."""

    at: datetime
    timer: Timer
