"""Dead letters: failed jobs that need a decision."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from qctl.models.annotations import Note

NEW_SECONDS = 300.0
"""Age (s) up to which a dead letter is new: long enough for a rate of few letters, short enough to see an end."""

DeadKind = Literal["dead", "quarantined"]


@dataclass(frozen=True)
class DeadLetter:
    """A job without retries left, or in quarantine."""

    id: str
    queue: str
    kind: DeadKind
    function: str
    error: str
    """Last line of the traceback, or the reason of the quarantine."""
    died_at: datetime | None
    attempts: int | None = None
    fingerprint: str | None = None
    is_gone: bool = False
    """True if only its entry is left: the job's data expired, was evicted or was deleted. It cannot be retried."""


@dataclass(frozen=True)
class DeadLetterDetail:
    """One dead letter with its traceback and payload. `payload` is None if it is not JSON; it is never unpickled."""

    letter: DeadLetter
    created_at: datetime | None
    enqueued_at: datetime | None
    traceback: str
    payload: str | None
    payload_size: int
    description: str
    meta: str | None = None
    note: Note | None = None
    """Note of an operator on it."""


@dataclass(frozen=True)
class DeadLetters:
    """A page of dead letters. `total` counts all matching ones.

    If dead letters had to be read to find the matching ones, `scanned` of `scannable` were read; otherwise both are
    None.
    """

    letters: list[DeadLetter]
    total: int
    scanned: int | None = None
    scannable: int | None = None


@dataclass(frozen=True)
class Cause:
    """A cause of dead letters. `message` has its variable parts replaced; `sample` is the id of one of the jobs.

    `frame` is the innermost line of code outside libraries, empty without a traceback. `counted` rejects beyond the
    `count` dead letters were counted and not stored; `source` is the topic or user of the last of them. `new` of them
    died in the last `NEW_SECONDS`.
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
    counted: int = 0
    source: str = ""
    since_mark: str = ""
    """Last mark before its first letter, empty if there is none."""
    note: Note | None = None
    """Note of an operator on it."""
    new: int = 0


@dataclass(frozen=True)
class Causes:
    """Dead letters by cause, the most frequent first. They cover `grouped` of all `total` dead letters.

    The rest are not in qctl's index, because other workers created them, and exceed the limit of dead letters read.
    """

    causes: list[Cause]
    grouped: int
    total: int

    @classmethod
    def merged(cls, parts: Iterable[Causes]) -> Causes:
        """Merge the causes of several queues."""
        parts = list(parts)
        by_fingerprint: dict[str, list[Cause]] = {}
        for cause in (cause for part in parts for cause in part.causes):
            by_fingerprint.setdefault(cause.fingerprint, []).append(cause)
        causes = sorted(map(_merge, by_fingerprint.values()), key=by_frequency)
        return cls(causes, sum(part.grouped for part in parts), sum(part.total for part in parts))


def by_frequency(cause: Cause) -> tuple[int, str]:
    """Sort key of causes: the most frequent first."""
    return -cause.count - cause.counted, cause.fingerprint


def _merge(causes: Sequence[Cause]) -> Cause:
    """Merge one cause of several queues."""
    begun = min(causes, key=lambda cause: cause.first_seen.timestamp() if cause.first_seen else float("inf"))
    return replace(
        causes[0],
        count=sum(cause.count for cause in causes),
        queues=sorted({queue for cause in causes for queue in cause.queues}),
        first_seen=min((cause.first_seen for cause in causes if cause.first_seen), default=None),
        last_seen=max((cause.last_seen for cause in causes if cause.last_seen), default=None),
        sample=next((cause.sample for cause in causes if cause.sample), ""),
        counted=sum(cause.counted for cause in causes),
        new=sum(cause.new for cause in causes),
        source=next((cause.source for cause in causes if cause.source), ""),
        since_mark=begun.since_mark,
    )
