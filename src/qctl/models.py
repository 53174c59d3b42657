"""What is shown: plain dataclasses that `ops` returns and the CLI and TUI print.

Times are aware datetimes in UTC, durations are seconds, sizes are bytes. Text that came from outside is raw here;
`safe.py` makes it inert where it becomes a view.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

HealthStatus = Literal["ok", "degraded", "down"]
DeadKind = Literal["dead", "quarantined"]


@dataclass(frozen=True)
class Pause:
    """A queue that is held. `until` is None where somebody has to resume it. `queue` is the paused queue itself."""

    queue: str
    by: str
    at: datetime
    reason: str
    until: datetime | None = None


@dataclass(frozen=True)
class QueueStats:
    """One queue at one moment. Counts are jobs; rates are jobs a second over the last minute, None if unknown.

    `error` says why the queue could not be read; the counts are then zero.
    """

    name: str
    waiting: int = 0
    running: int = 0
    scheduled: int = 0
    deferred: int = 0
    dead: int = 0
    finished: int = 0
    oldest_age: float | None = None
    in_rate: float | None = None
    out_rate: float | None = None
    paused: Pause | None = None
    workers: int = 0
    error: str | None = None


@dataclass(frozen=True)
class Totals:
    """The five totals of the seed documents. `failed` counts dead letters, `total` is the sum of the four."""

    pending: int
    running: int
    completed: int
    failed: int
    total: int

    @classmethod
    def of(cls, queues: Iterable[QueueStats]) -> Totals:
        """The totals of these queues. What waits for a time or for another job is pending too."""
        pending = running = completed = failed = 0
        for queue in queues:
            pending += queue.waiting + queue.scheduled + queue.deferred
            running += queue.running
            completed += queue.finished
            failed += queue.dead
        return cls(pending, running, completed, failed, pending + running + completed + failed)


@dataclass(frozen=True)
class Stats:
    """Every queue and the totals, read in one go."""

    at: datetime
    queues: list[QueueStats]
    totals: Totals


@dataclass(frozen=True)
class RunningJob:
    """A job that had started when a queue was paused."""

    id: str
    queue: str


@dataclass(frozen=True)
class PauseResult:
    """What `pause` did. `changed` is False where it was paused already; `running` had started before it held."""

    pause: Pause
    changed: bool
    running: list[RunningJob]
    waited: float
    deaf_workers: list[str] = field(default_factory=list)
    """Names of workers of this queue that do not honour a pause."""


@dataclass(frozen=True)
class ResumeResult:
    """What `resume` did. `changed` is False where the queue was not paused."""

    queue: str
    changed: bool


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


@dataclass(frozen=True)
class TrashBatch:
    """What one destructive act moved away. `count` is jobs still in it."""

    id: str
    queue: str
    verb: str
    by: str
    at: datetime
    expires_at: datetime
    count: int


@dataclass(frozen=True)
class ClearResult:
    """What `clear` did. `batch` is None where nothing waited, or it was purged."""

    queue: str
    removed: int
    batch: str | None
    purged: bool = False


@dataclass(frozen=True)
class RestoreResult:
    """What `trash restore` put back."""

    batch: str
    queue: str
    restored: int


@dataclass(frozen=True)
class Ping:
    """Redis answered. `rtt` in seconds, `ts_ms` is Redis's own clock in milliseconds since 1970."""

    rtt: float
    ts_ms: int
    redis_version: str
    target: str


@dataclass(frozen=True)
class Finding:
    """One thing that health looked at. `reason` says what is wrong and what follows from it; `fix` what mends it."""

    check: str
    status: HealthStatus
    reason: str
    fix: str | None = None


@dataclass(frozen=True)
class Health:
    """How qctl is: the worst of its findings."""

    status: HealthStatus
    findings: list[Finding]

    @property
    def reasons(self) -> list[str]:
        """What is not well."""
        return [finding.reason for finding in self.findings if finding.status != "ok"]


@dataclass(frozen=True)
class WorkerInfo:
    """A worker that is registered in Redis. `honours_pause` is True for those that claim by qctl's script."""

    name: str
    queues: list[str]
    state: str
    host: str
    pid: int | None
    current_job: str | None
    last_heartbeat: datetime | None
    honours_pause: bool
