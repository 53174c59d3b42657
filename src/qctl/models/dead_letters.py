"""Dead letters: jobs that wait for a person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

DeadKind = Literal["dead", "quarantined"]


@dataclass(frozen=True)
class DeadLetter:
    """A job that waits for a person: out of retries, or quarantined."""

    id: str
    queue: str
    kind: DeadKind
    function: str
    error: str
    """The last line of what went wrong, or the reason of the quarantine."""
    died_at: datetime | None
    attempts: int | None = None
    fingerprint: str | None = None


@dataclass(frozen=True)
class DeadLetterDetail:
    """One dead letter with its traceback and payload. `payload` is None where it is not JSON; never unpickled."""

    letter: DeadLetter
    created_at: datetime | None
    enqueued_at: datetime | None
    traceback: str
    payload: str | None
    payload_size: int
    description: str
    meta: str | None = None


@dataclass(frozen=True)
class DeadLetters:
    """A page of dead letters. `total` counts all that match, listed or not."""

    letters: list[DeadLetter]
    total: int
