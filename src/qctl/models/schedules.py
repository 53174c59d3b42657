"""Schedules."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

CatchUp = Literal["skip", "one", "all"]
"""Runs that a scheduler makes up for after a downtime: none, the last one, or all."""


Overlap = Literal["allow", "skip", "one"]
"""Runs that are due while the last run waits or runs: start them, drop them, or let one wait until it has ended."""


@dataclass(frozen=True)
class Schedule:
    """A recurring job: by a `cron` rule in a `timezone`, or `every` so many seconds.

    `next_at` is None while it is paused, or if it is unreadable for the reason `problem`. `last_due` is the due time of
    the last run, `last_at` the time of its creation, `last_job` its id, `runs` the number of runs. `left` is the number
    of remaining runs, None for no end. `source` is `settings`, `operator`, or `rq-scheduler` or `rq-cron` for one of a
    stock scheduler, which qctl only shows. `missed` runs were not created before `missed_at`. With `pause_on_failure`
    it is paused once a run has failed.
    """

    name: str
    job: str
    queue: str
    cron: str | None = None
    every: int | None = None
    timezone: str = "UTC"
    catch_up: CatchUp = "one"
    next_at: datetime | None = None
    last_due: datetime | None = None
    last_at: datetime | None = None
    last_job: str | None = None
    runs: int = 0
    left: int | None = None
    paused_by: str | None = None
    source: str = "operator"
    payload: str | None = None
    problem: str | None = None
    missed: int = 0
    missed_at: datetime | None = None
    overlap: Overlap = "allow"
    pause_on_failure: bool = False
    blackout: str = ""
    """Zone, a space, and windows in which it is not due; empty without any."""
