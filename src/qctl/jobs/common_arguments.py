"""What several jobs are asked in the same words: whose data, and of which days."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from qctl.errors import RejectedError

LONGEST_ID = 64
"""Characters of an id: the columns of the tables."""

_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def named(what: str, given: str | int) -> str:
    """An id as it is kept: 7 and "7" are one. Raises RejectedError where it is none."""
    found = str(given).strip()
    if isinstance(given, bool) or not 1 <= len(found) <= LONGEST_ID or _UNSEEN.search(found):
        raise RejectedError(f"{what} is not an id of up to {LONGEST_ID} characters")
    return found


def written(what: str, given: Any, longest: int) -> str | None:
    """A text as it is kept; None where there is nothing in it. Raises RejectedError where it cannot be kept."""
    if given is None:
        return None
    if not isinstance(given, str) or len(given) > longest:
        raise RejectedError(f"{what} is not text of up to {longest} characters")
    if "\0" in given or any("\ud800" <= c <= "\udfff" for c in given):
        raise RejectedError(f"{what} has characters in it that are none")
    return given if given.strip() else None


@dataclass(frozen=True)
class Days:
    """The days that a report or an export is about, both with it; None is without a limit."""

    first: date | None
    last: date | None
    zone: ZoneInfo

    @classmethod
    def of(cls, filters: Mapping[str, Any] | None, zone: str) -> Days:
        """Those of the filters `startDate` and `endDate`, in a time zone. Raises RejectedError."""
        filters = filters or {}
        unknown = filters.keys() - {"startDate", "endDate"}
        if unknown:
            raise RejectedError(f"there is no filter {sorted(unknown)[0]!r:.80}: startDate and endDate are all")
        first, last = (_day(name, filters.get(name)) for name in ("startDate", "endDate"))
        if first and last and first > last:
            raise RejectedError("startDate is after endDate")
        return cls(first, last, ZoneInfo(zone))

    @property
    def since(self) -> datetime | None:
        """When the first day begins."""
        return datetime.combine(self.first, time(), self.zone) if self.first else None

    @property
    def until(self) -> datetime | None:
        """When the last day is over."""
        return datetime.combine(self.last + timedelta(days=1), time(), self.zone) if self.last else None

    def day(self, moment: datetime) -> date:
        """The day that a moment is in."""
        return moment.astimezone(self.zone).date()

    def __str__(self) -> str:
        if not (self.first or self.last):
            return "all days"
        return f"{self.first or '...'} to {self.last or 'today'}"


def _day(name: str, given: Any) -> date | None:
    if given is None:
        return None
    try:
        if (
            re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", given)
            and 1970 <= (day := date.fromisoformat(given)).year < 9999
        ):
            return day
    except (TypeError, ValueError):
        pass
    raise RejectedError(f"{name} is not a day as in 2026-01-31")
