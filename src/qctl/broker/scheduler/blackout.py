"""Blackouts: recurring windows in which jobs do not start, and schedules are not due.

A window ends at a local time, so it is as long as the clocks of its zone make it. This module reads neither a clock nor
Redis. Times are whole seconds since 1970.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from qctl.broker.scheduler.recurrence import Recurrence
from qctl.errors import UsageError

MAX_WINDOWS = 10
"""Windows of one blackout."""

MAX_STEPS = 1000
"""Windows that are searched for the end of those that follow each other without a gap."""

EXAMPLES = "examples: 22:00-06:00, mon-fri 08:00-18:00, 'sat,sun 00:00-24:00'"

_DAYS = r"(?:mon|tue|wed|thu|fri|sat|sun)"
_WINDOW = re.compile(
    rf"(?:({_DAYS}(?:[-,]{_DAYS})*)\s+)?([01]?\d|2[0-3]):([0-5]\d)\s*-\s*([01]?\d|2[0-4]):([0-5]\d)", re.ASCII
)


@dataclass(frozen=True)
class Blackout:
    """Windows of local time in a zone, as text: `mon-fri 22:00-06:00; sat 00:00-12:00`. Days are those of the start."""

    text: str
    zone: str

    def check(self) -> None:
        """Raise UsageError if the windows or the zone are invalid, or leave no time."""
        if not 1 <= len(self._rules) <= MAX_WINDOWS:
            raise UsageError(f"a blackout has 1 to {MAX_WINDOWS} windows", EXAMPLES)
        for start, end in self._rules:
            start.check()
            end.check()
        if self.end_of(0) is None:
            raise UsageError(f"blackout {self.text!r} leaves no time at all", EXAMPLES)

    def window_at(self, moment: int) -> tuple[int, int] | None:
        """The window that contains this moment, as its start and its end; None if there is none."""
        for start_rule, end_rule in self._rules:
            start = start_rule.before(moment + 1)
            end = end_rule.after(start)
            if moment < end:
                return start, end
        return None

    def end_of(self, moment: int) -> int | None:
        """The first moment from this one on that no window contains; None if there is none."""
        for _ in range(MAX_STEPS):
            window = self.window_at(moment)
            if window is None:
                return moment
            moment = window[1]
        return None

    def windows(self, moment: int, count: int) -> list[tuple[int, int]]:
        """The next windows that end after this moment, at most `count` of each rule, by their start."""
        found = set()
        for start_rule, end_rule in self._rules:
            start = start_rule.before(moment + 1)
            for _ in range(count + 1):
                end = end_rule.after(start)
                if end > moment:
                    found.add((start, end))
                start = start_rule.after(start)
        return sorted(found)[:count]

    @cached_property
    def _rules(self) -> list[tuple[Recurrence, Recurrence]]:
        return [self._parse(part) for part in self.text.split(";")]

    def _parse(self, part: str) -> tuple[Recurrence, Recurrence]:
        match = _WINDOW.fullmatch(part.strip().lower())
        if match is None:
            raise UsageError(f"{part.strip()!r} is not a window", EXAMPLES)
        days, *numbers = match.groups()
        hour, minute, end_hour, end_minute = map(int, numbers)
        if end_hour == 24 and end_minute:
            raise UsageError(f"{part.strip()!r} is not a window: a day ends at 24:00", EXAMPLES)
        start = Recurrence(f"{minute} {hour} * * {days or '*'}", None, self.zone)
        return start, Recurrence(f"{end_minute} {end_hour % 24} * * *", None, self.zone)


@dataclass(frozen=True)
class RuleWithBlackout(Recurrence):
    """A rule that is not due in the windows of a blackout."""

    blackout: Blackout | None = None

    def check(self) -> None:
        """Raise UsageError if the rule or the blackout is invalid, or if it is never due outside the windows."""
        super().check()
        if self.blackout is not None:
            self.blackout.check()

    def after(self, moment: int) -> int:
        """The first due time after `moment` that no window contains. Raises UsageError if there is none."""
        due = super().after(moment)
        for _ in range(MAX_STEPS):
            window = self.blackout.window_at(due) if self.blackout else None
            if window is None:
                return due
            if self.every is not None:
                due += -(-(window[1] - due) // self.every) * self.every
            else:
                due = super().after(window[1] - 1)
        raise UsageError("the schedule is never due outside its blackout")

    def latest(self, due: int, now: int) -> int:
        """The last due time between `due` and `now` that no window contains."""
        last = super().latest(due, now)
        while last > due and self.blackout and (window := self.blackout.window_at(last)):
            last = super().latest(due, max(due, window[0] - 1))
        return last


def with_blackout(rule: Recurrence, raw: bytes | None) -> Recurrence:
    """Return a rule with the blackout that the hash of its schedule holds: its zone, a space and its windows."""
    zone, _, text = (raw or b"").decode(errors="replace").partition(" ")
    return RuleWithBlackout(rule.cron, rule.every, rule.zone, Blackout(text, zone)) if text else rule


def blackout_of(rule: Recurrence) -> Blackout | None:
    """Return the blackout of a rule, if it has one."""
    return rule.blackout if isinstance(rule, RuleWithBlackout) else None
