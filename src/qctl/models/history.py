"""The history of events, by hour or day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Span = Literal["hour", "day"]
"""Length of a step of the history. Days are in UTC."""


@dataclass(frozen=True)
class HistoryStep:
    """Events of one hour or day from `at` on: their number by name, and the mean duration (s) of finished runs, None
    without any."""

    at: datetime
    counts: dict[str, int]
    mean_run: float | None = None
