"""What comes by the clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

CatchUp = Literal["skip", "one", "all"]
"""What becomes of runs that nobody was there to make: none of them, the last of them, or every one."""


@dataclass(frozen=True)
class Schedule:
    """A job that comes again and again: by a `cron` rule in a `timezone`, or `every` so many seconds.

    `next_at` is None while it is paused, and where it cannot be read, which `problem` explains. `last_due` is the time
    that the last run was for, `last_at` when it was made, `last_job` its id, `runs` how many there were. `left` is how
    many are to come, None for no end. `source`: `settings`, `operator`, or `rq-scheduler` for what a stock scheduler
    keeps, which qctl shows and leaves alone. `missed` is how many times passed with nobody there before `missed_at`.
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
