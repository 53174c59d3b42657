"""Arguments that several jobs share: ids, texts and a range of days."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from qctl.errors import RejectedError

MAX_ID_CHARS = 64
"""Longest id, the width of its database columns; a longer one is rejected."""

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def parse_id(name: str, value: str | int) -> str:
    """The text form of an id, the same for 7 and "7". Raises RejectedError if it is not a valid id."""
    text = str(value).strip()
    if isinstance(value, bool) or not 1 <= len(text) <= MAX_ID_CHARS or _UNPRINTABLE.search(text):
        raise RejectedError(f"{name} is not an id of 1 to {MAX_ID_CHARS} printable characters")
    return text


def parse_text(name: str, value: Any, max_chars: int) -> str | None:
    """A text that can be stored, or None if it is blank. Raises RejectedError if it cannot be stored."""
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > max_chars:
        raise RejectedError(f"{name} is not text of up to {max_chars} characters")
    if "\0" in value or any("\ud800" <= c <= "\udfff" for c in value):
        raise RejectedError(f"{name} contains NUL or half of a surrogate pair")
    return value if value.strip() else None


@dataclass(frozen=True)
class DateRange:
    """The days that a report or an export covers, both ends included. None leaves an end open."""

    first: date | None
    last: date | None
    zone: ZoneInfo

    @classmethod
    def of(cls, filters: Mapping[str, Any] | None, zone: str) -> DateRange:
        """Parse the filters `startDate` and `endDate`, days of a time zone. Raises RejectedError."""
        filters = filters or {}
        unknown = filters.keys() - {"startDate", "endDate"}
        if unknown:
            raise RejectedError(f"unknown filter {sorted(unknown)[0]!r:.80}; allowed filters: startDate, endDate")
        first, last = (_parse_day(name, filters.get(name)) for name in ("startDate", "endDate"))
        if first and last and first > last:
            raise RejectedError("startDate is after endDate")
        return cls(first, last, ZoneInfo(zone))

    @property
    def since(self) -> datetime | None:
        """The start of the first day."""
        return datetime.combine(self.first, time(), self.zone) if self.first else None

    @property
    def until(self) -> datetime | None:
        """The end of the last day."""
        return datetime.combine(self.last + timedelta(days=1), time(), self.zone) if self.last else None

    def day(self, moment: datetime) -> date:
        """The day of a moment in this time zone."""
        return moment.astimezone(self.zone).date()

    def __str__(self) -> str:
        if not (self.first or self.last):
            return "all days"
        return f"{self.first or '...'} to {self.last or 'today'}"


def _parse_day(name: str, value: Any) -> date | None:
    if value is None:
        return None
    try:
        if (
            re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value)
            and 1970 <= (day := date.fromisoformat(value)).year < 9999
        ):
            return day
    except (TypeError, ValueError):
        pass
    raise RejectedError(f"{name} is not a date such as 2026-01-31")
