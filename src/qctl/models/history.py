"""What was, by the hour or by the day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Span = Literal["hour", "day"]
"""How long a step of the history is. Days are UTC's."""


@dataclass(frozen=True)
class HistoryStep:
    """What happened in one hour or day that begins `at`: how many events of each name, and how long a run that
    finished took on average, in seconds; None where none did."""

    at: datetime
    counts: dict[str, int]
    mean_run: float | None = None
