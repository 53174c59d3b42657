"""Computes due times of schedules, and which missed runs to catch up.

This module reads neither a clock nor Redis. Times are whole seconds since 1970. A cron rule follows the local time of
its zone, as cron does:

- With `*` as the hour, it continues in steps of real time when clocks change.
- With fixed hours, it is due once a day: a local time that is skipped is due right after the change, and one that
  occurs twice is due the first time.
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
"""Delay (s) up to which a run counts as on time: the shortest step of cron."""

MAX_COUNTED_TIMES = 1000
"""Maximum missed times that are counted. A longer absence counts as this many."""

MAX_CATCH_UP_RUNS = 50
"""Maximum missed runs that the policy `all` starts at once; the rest follow in the next ticks."""

MAX_YEARS_AHEAD = 8
"""Years to search for the next date: 29 February may be eight years ahead."""

_RANDOM = re.compile(r"(?:^|[\s,])[rh]", re.IGNORECASE)
"""Fields that croniter fills at random in each call. No name of a month or weekday begins with these letters."""


@dataclass(frozen=True)
class Recurrence:
    """A rule for due times: five cron fields in a time zone, or an interval `every` in seconds."""

    cron: str | None = None
    every: int | None = None
    zone: str = "UTC"

    def check(self) -> None:
        """Raise UsageError if the rule is invalid, or never due."""
        if (self.cron is None) == (self.every is None):
            raise UsageError("a schedule needs either a cron rule or an interval")
        if self.every is not None and not 1 <= self.every <= 366 * 86_400:
            raise UsageError(f"interval {self.every} s is not between 1 s and 366 days")
        try:
            ZoneInfo(self.zone)
        except (KeyError, ValueError, OSError):
            raise UsageError(f"{self.zone!r} is not a time zone; an example is Europe/Berlin") from None
        if self.cron is not None and (len(self.cron.split()) != 5 or _RANDOM.search(self.cron)):
            raise UsageError(
                f"{self.cron!r} is not a cron rule 'minute hour day month weekday'; an example is 0 3 * * *"
            )
        try:
            self.after(0)
        except CroniterBadDateError:
            raise UsageError(f"{self.cron!r} is never due") from None
        except (ValueError, KeyError, TypeError) as error:
            raise UsageError(f"{self.cron!r} is not a cron rule: {error}") from None

    def after(self, moment: int) -> int:
        """The first due time after `moment`; for an interval, one interval later."""
        return self._step(moment, forward=True)

    def before(self, moment: int) -> int:
        """The last time of a cron rule before `moment`."""
        return self._step(moment, forward=False)

    def latest(self, due: int, now: int) -> int:
        """The last due time between `due` and `now`."""
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
            date: datetime = walk.get_next(datetime) if forward else walk.get_prev(datetime)
            if self.every_hour or not _is_repeated(date):
                return int(date.timestamp())

    @property
    def every_hour(self) -> bool:
        """True for a cron rule whose times are in every hour."""
        return self.cron is not None and self.cron.split()[1] == "*"


def _is_repeated(date: datetime) -> bool:
    """True for the second occurrence of a local time that occurs twice when clocks are set back."""
    return date.utcoffset() != date.replace(fold=0).utcoffset()


@dataclass(frozen=True)
class RunPlan:
    """The runs to start now, by due time; the number of missed times without a run; the next due time."""

    runs: list[int]
    skipped: int
    next: int


def plan_runs(rule: Recurrence, due: int, now: int, policy: CatchUp) -> RunPlan:
    """Plan the runs for a schedule that was due at `due`.

    The policy `all` runs every missed time, `one` the last one, and `skip` none that is more than 60 s late.
    """
    times = [due]
    while len(times) < MAX_COUNTED_TIMES and (following := rule.after(times[-1])) <= now:
        times.append(following)
    if policy == "all":
        runs = times[:MAX_CATCH_UP_RUNS]
        return RunPlan(runs, 0, rule.after(runs[-1]))
    last = rule.latest(due, now) if len(times) == MAX_COUNTED_TIMES else times[-1]
    runs = [last] if policy == "one" or now - last <= GRACE_SECONDS else []
    return RunPlan(runs, len(times) - len(runs), rule.after(last))
