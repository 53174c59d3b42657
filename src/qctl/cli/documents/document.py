"""Documents: the machine-readable output of commands, and the formats of their values."""

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
    """Machine-readable output of one command.

    JSON contains `schema`, `head`, and `rows` under the key `rows_key`; if that is None, `head` is the only row.
    `columns` are the fields of a row in csv and pipes, `a.b` for a nested field; `name` is the field that `-o name`
    prints.
    """

    schema: str
    name: str
    columns: tuple[str, ...]
    head: Record = field(default_factory=dict)
    rows_key: str | None = None
    rows: list[Record] = field(default_factory=list)

    @property
    def records(self) -> list[Record]:
        """All rows."""
        return self.rows if self.rows_key else [self.head]

    def as_json(self) -> Record:
        """Return the whole document as one JSON object."""
        return {"schema": self.schema, **self.head, **({self.rows_key: self.rows} if self.rows_key else {})}


def single(schema: str, name: str, head: Record) -> Document:
    """Create a document whose head is its only row."""
    return Document(schema, name, tuple(head), head)


def cell(record: Record, column: str) -> Any:
    """Return the value of a column in a row, None if a part of its path is missing."""
    value: Any = record
    for key in column.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return value


def time(when: datetime | None) -> str | None:
    """Format a time as RFC 3339 in UTC, to the millisecond."""
    if when is None:
        return None
    return when.astimezone(timezone.utc).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def seconds(number: float | None) -> float | None:
    """Round seconds or a rate to three decimals; None for infinity, which JSON cannot express."""
    return round(number, 3) if number is not None and math.isfinite(number) else None


def share(part: float | None) -> float | None:
    """Round a share of 1 to four decimals."""
    return None if part is None else round(part, 4)


def durations(histogram: Histogram) -> Record:
    """Return the percentiles of durations, to three significant digits, and their count. Null without durations."""
    percentiles = {f"p{percent}_seconds": _rounded(histogram.percentile(percent)) for percent in PERCENTILES}
    return {**percentiles, "count": histogram.count}


def _rounded(duration: float | None) -> float | None:
    return None if duration is None else float(f"{duration:.3g}")


DURATION_FIELDS = (*(f"p{percent}_seconds" for percent in PERCENTILES), "count")
"""The fields of `durations`."""
