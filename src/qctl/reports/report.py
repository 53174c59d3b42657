"""What is in a report: figures, charts and one table, whatever it is about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

Value = str | int | float | None


@dataclass(frozen=True)
class Chart:
    """Some values with their names, in this order: bars beside each other where they are `over_time`, else below."""

    title: str
    values: Mapping[str, float]
    over_time: bool = False


@dataclass(frozen=True)
class Report:
    """`about` says whose and which days'; `figures` are its sums; `notes` say what it cannot tell."""

    title: str
    about: str
    made_at: datetime
    columns: Sequence[str]
    rows: Sequence[Sequence[Value]]
    figures: Mapping[str, Value] = field(default_factory=dict)
    charts: Sequence[Chart] = ()
    notes: Sequence[str] = ()
