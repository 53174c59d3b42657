"""What bulk acts are asked for, and what became of each job."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Outcome:
    """What became of one item of a bulk act."""

    id: str
    queue: str
    done: bool
    detail: str = ""


@dataclass(frozen=True)
class BulkResult:
    """What a bulk act did, item by item."""

    outcomes: list[Outcome]

    @property
    def done(self) -> int:
        """How many items it changed."""
        return sum(outcome.done for outcome in self.outcomes)
