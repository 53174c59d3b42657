"""The shape of what commands print to programs."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from qctl.view import PERCENTILES

if TYPE_CHECKING:
    from qctl.histogram import Histogram

Record = dict[str, Any]


@dataclass(frozen=True)
class Document:
    """What one command has to say to a program.

    JSON is `schema`, `head`, and `rows` under the key `listed`; where `listed` is None, `head` is the one row.
    `columns` are the fields of a row in csv and pipes, `a.b` for a field within a field; `name` is the field that
    `-o name` prints.
    """

    schema: str
    name: str
    columns: tuple[str, ...]
    head: Record = field(default_factory=dict)
    listed: str | None = None
    rows: list[Record] = field(default_factory=list)

    @property
    def records(self) -> list[Record]:
        """The rows."""
        return self.rows if self.listed else [self.head]

    def as_json(self) -> Record:
        """The whole document."""
        return {"schema": self.schema, **self.head, **({self.listed: self.rows} if self.listed else {})}


def cell(record: Record, column: str) -> Any:
    """The value of a column in a row: None where it or what holds it is missing."""
    value: Any = record
    for key in column.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return value


def time(when: datetime | None) -> str | None:
    """A time as RFC 3339 in UTC, to the millisecond."""
    if when is None:
        return None
    return when.astimezone(timezone.utc).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def seconds(number: float | None) -> float | None:
    """A number of seconds or a rate, to the thousandth. None where JSON has no word for it."""
    return round(number, 3) if number is not None and math.isfinite(number) else None


def share(part: float | None) -> float | None:
    """A share of 1, to a hundredth of a percent."""
    return None if part is None else round(part, 4)


def durations(of: Histogram) -> Record:
    """Percentiles of durations, to the three digits that are known, null where there are none; and of how many."""
    found = {percent: of.percentile(percent) for percent in PERCENTILES}
    told = {f"p{percent}_seconds": None if each is None else float(f"{each:.3g}") for percent, each in found.items()}
    return {**told, "count": of.count}


DURATIONS = (*(f"p{percent}_seconds" for percent in PERCENTILES), "count")
"""The fields of `durations`."""
