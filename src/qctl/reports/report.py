"""Defines the content of a report: figures, charts and one table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

Value = str | int | float | None


@dataclass(frozen=True)
class Chart:
    """Named values in order: vertical bars if `over_time`, else horizontal bars."""

    title: str
    values: Mapping[str, float]
    over_time: bool = False
    marks: Mapping[str, str] = field(default_factory=dict)
    """Text of a vertical line at the value of this name, such as a deployment."""


@dataclass(frozen=True)
class Report:
    """A report. `about` names the business and the days, `figures` are totals, `notes` explain limits of the data."""

    title: str
    about: str
    made_at: datetime
    columns: Sequence[str]
    rows: Sequence[Sequence[Value]]
    figures: Mapping[str, Value] = field(default_factory=dict)
    charts: Sequence[Chart] = ()
    notes: Sequence[str] = ()
