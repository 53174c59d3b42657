"""When something that comes again and again is due, and what becomes of the times that nobody was there for.

Nothing here reads a clock or Redis. Times are whole seconds since 1970. A rule in cron's words counts by the wall
clock of its zone, as cron does:

- With `*` for the hour it goes on in steps of real time while clocks are changed.
- At fixed hours it comes once a day: a time that clocks jump over comes when they have jumped, one that comes twice
  counts the first time.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from croniter import CroniterBadDateError, croniter

from qctl.errors import UsageError
from qctl.models import CatchUp

GRACE_SECONDS = 60
"""Seconds: what is late by no more is on time. cron knows no shorter steps."""

MAX_COUNTED_TIMES = 1000
"""Missed times that are counted; a longer absence is told as this many."""

MAX_CATCH_UP_RUNS = 50
"""Missed runs that `all` makes in one step."""

MAX_YEARS_AHEAD = 8
"""How far ahead a date is looked for: the 29th of February may be that far."""

_RANDOM = re.compile(r"(?:^|[\s,])[rh]", re.IGNORECASE)
"""Fields that croniter fills in by chance, differently each time it is asked. No month or weekday begins so."""


@dataclass(frozen=True)
class Recurrence:
    """When something is due: by five fields of cron in a zone, or every so many seconds."""

    cron: str | None = None
    every: int | None = None
    zone: str = "UTC"

    def check(self) -> None:
        """Raise UsageError where this is no rule, or one that never comes true."""
        if (self.cron is None) == (self.every is None):
            raise UsageError("a schedule has either a cron rule or an interval")
        if self.every is not None and not 1 <= self.every <= 366 * 86_400:
            raise UsageError(f"an interval of {self.every} seconds is not between 1 second and a year")
        try:
            ZoneInfo(self.zone)
        except (KeyError, ValueError, OSError):
            raise UsageError(f"{self.zone!r} is not the name of a time zone, as Europe/Berlin is") from None
        if self.cron is not None and (len(self.cron.split()) != 5 or _RANDOM.search(self.cron)):
            raise UsageError(f"{self.cron!r} is not minute hour day month weekday, as in 0 3 * * *")
        try:
            self.after(0)
        except CroniterBadDateError:
            raise UsageError(f"{self.cron!r} never comes") from None
        except (ValueError, KeyError, TypeError) as error:
            raise UsageError(f"{self.cron!r} is not minute hour day month weekday: {error}") from None

    def after(self, moment: int) -> int:
        """The first time after a moment; for an interval, that long after it."""
        return self._step(moment, forward=True)

    def latest(self, due: int, now: int) -> int:
        """The last time from `due` on that is not after `now`."""
        if self.every is not None:
            return now - (now - due) % self.every
        return max(due, self._step(now + 1, forward=False))

    def _step(self, moment: int, *, forward: bool) -> int:
        if self.every is not None:
            return moment + self.every
        walk = croniter(
            self.cron, datetime.fromtimestamp(moment, ZoneInfo(self.zone)), max_years_between_matches=MAX_YEARS_AHEAD
        )
        while True:
            found: datetime = walk.get_next(datetime) if forward else walk.get_prev(datetime)
            if self._every_hour or not _second_time(found):
                return int(found.timestamp())

    @property
    def _every_hour(self) -> bool:
        return self.cron is not None and self.cron.split()[1] == "*"


def _second_time(moment: datetime) -> bool:
    """Whether clocks showed this time before, an hour ago."""
    return moment.utcoffset() != moment.replace(fold=0).utcoffset()


@dataclass(frozen=True)
class RunPlan:
    """What is to be done now: a run for each of `runs`, none for `skipped` times that were missed; next due `next`."""

    runs: list[int]
    skipped: int
    next: int


def plan_runs(rule: Recurrence, due: int, now: int, policy: CatchUp) -> RunPlan:
    """What to do about a time that was due.

    Of the times that were missed since, `all` runs every one, `one` the last, and `skip` none that is more than 60 s
    late.
    """
    dues = [due]
    while len(dues) < MAX_COUNTED_TIMES and (following := rule.after(dues[-1])) <= now:
        dues.append(following)
    if policy == "all":
        runs = dues[:MAX_CATCH_UP_RUNS]
        return RunPlan(runs, 0, rule.after(runs[-1]))
    last = rule.latest(due, now) if len(dues) == MAX_COUNTED_TIMES else dues[-1]
    runs = [last] if policy == "one" or now - last <= GRACE_SECONDS else []
    return RunPlan(runs, len(dues) - len(runs), rule.after(last))
