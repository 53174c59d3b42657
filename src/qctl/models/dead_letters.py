"""Dead letters: jobs that wait for a person."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
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
    """A page of dead letters. `total` counts all that match, listed or not.

    Where they had to be read to know, `scanned` of `scannable` were; None where all that match are known.
    """

    letters: list[DeadLetter]
    total: int
    scanned: int | None = None
    scannable: int | None = None


@dataclass(frozen=True)
class Cause:
    """Why dead letters died, and how many. `message` has its variable parts taken out; `sample` is one of them.

    `frame` is the innermost line of code that is not a library's, empty where no traceback tells.
    """

    fingerprint: str
    count: int
    queues: list[str]
    function: str
    exception: str
    message: str
    frame: str
    first_seen: datetime | None
    last_seen: datetime | None
    sample: str


@dataclass(frozen=True)
class Causes:
    """Dead letters by cause, the most frequent first. `grouped` of all `total` letters are among them.

    The rest were buried by workers that are not qctl's, and there are more of them than were read.
    """

    causes: list[Cause]
    grouped: int
    total: int

    @classmethod
    def merged(cls, parts: Iterable[Causes]) -> Causes:
        """Those of several queues as one."""
        parts = list(parts)
        same: dict[str, list[Cause]] = {}
        for cause in (cause for part in parts for cause in part.causes):
            same.setdefault(cause.fingerprint, []).append(cause)
        causes = sorted(map(_one, same.values()), key=lambda cause: (-cause.count, cause.fingerprint))
        return cls(causes, sum(part.grouped for part in parts), sum(part.total for part in parts))


def _one(causes: Sequence[Cause]) -> Cause:
    """A cause as it is in several queues together."""
    return replace(
        causes[0],
        count=sum(cause.count for cause in causes),
        queues=sorted({queue for cause in causes for queue in cause.queues}),
        first_seen=min((cause.first_seen for cause in causes if cause.first_seen), default=None),
        last_seen=max((cause.last_seen for cause in causes if cause.last_seen), default=None),
        sample=next((cause.sample for cause in causes if cause.sample), ""),
    )
