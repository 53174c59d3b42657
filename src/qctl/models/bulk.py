"""Bulk operations: the selector, the selected jobs, the results, and the trash."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

from qctl.conditions import Condition
from qctl.errors import QctlError
from qctl.models.jobs import State

Verb = Literal["retry", "cancel", "delete", "discard", "move", "export", "release", "replay"]
"""Bulk operations on jobs."""

DependentsChoice = Literal["cancel", "release", "keep"]
"""Treatment of jobs that wait for a job that will not finish: cancel them, enqueue them, or let them wait."""

Progress = Callable[[int, int | None], None]
"""Called after each step of a long operation with the number of items done and the total, None if that is unknown. An
exception that it raises ends the operation between two steps."""


@dataclass(frozen=True)
class CanaryState:
    """The canaries of a retry, `seconds` after they were retried: `finished` and `running` of `total`."""

    finished: int
    running: int
    total: int
    seconds: float


MAX_LISTED_OUTCOMES = 1000
"""Limit of successful and of failed outcomes that a result lists; all are counted."""


def ignore_progress(_done: int, _total: int | None) -> None:
    """The `Progress` that does nothing."""


@dataclass(frozen=True)
class Selector:
    """Selects jobs: those of `ids` (none if it is empty), or, if it is None, those that match all other fields.

    `queue` and `job` are names or patterns; `job` is a function, or the name of a job of the catalog. `error`, `owner`
    and `argument` are substrings, regardless of case; `older_than` is the time (s) in the current state; `moved_from`
    is a queue. `since` and `until` (s since 1970) bound the time at which jobs came into their state, and `where` is a
    condition of the filter language. Empty `states` are the default states of the operation. `limit` is the maximum
    number of selected jobs, `scan` the maximum number of jobs that are read if no index applies, None for all.
    """

    ids: tuple[str, ...] | None = None
    queue: str | None = None
    states: tuple[State, ...] = ()
    job: str | None = None
    error: str | None = None
    fingerprint: str | None = None
    older_than: float | None = None
    owner: str | None = None
    moved_from: str | None = None
    argument: str | None = None
    since: float | None = None
    until: float | None = None
    where: Condition | None = None
    limit: int | None = None
    scan: int | None = None

    @property
    def reads_jobs(self) -> bool:
        """True if each job must be read to know whether it matches."""
        texts = (self.job, self.error, self.owner, self.moved_from, self.argument)
        criteria = (*texts, self.older_than, self.since, self.until, self.where)
        return any(value is not None for value in criteria)

    @property
    def is_everything(self) -> bool:
        """True if it has no criteria and selects all jobs."""
        return replace(self, limit=None, scan=None) == Selector()


@dataclass(frozen=True)
class Scan:
    """Extent of a search: `scanned` of `total` jobs were read."""

    scanned: int
    total: int

    @property
    def whole(self) -> bool:
        """True if all jobs were read."""
        return self.scanned >= self.total


@dataclass(frozen=True)
class Outcome:
    """Result for one item of a bulk operation. `where` is the state of a job that was found in an unexpected state."""

    id: str
    queue: str
    done: bool
    detail: str = ""
    where: str = ""


@dataclass
class ChosenJobs:
    """Ids of jobs in one state of one queue, as bytes in Redis.

    `positions` has the index of each waiting job in its list; empty for other states.
    """

    queue: str
    state: State
    ids: list[bytes] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Selection:
    """The selected jobs, the ids without a job (`missing`), and the jobs that need no change (`already`). Compact
    enough for a million jobs.

    `already_details` maps the states that the operation leads to, to the detail that is reported for jobs that are in
    them by then; if the operation has a `target` queue, only for jobs in it.
    """

    chosen: list[ChosenJobs]
    missing: list[Outcome] = field(default_factory=list)
    already: list[Outcome] = field(default_factory=list)
    scan: Scan | None = None
    already_details: Mapping[str, str] = field(default_factory=dict)
    target: str | None = None
    parents: list[str] = field(default_factory=list)
    """Ids of selected jobs for which others wait."""
    dependents: int = 0
    """Number of jobs that wait for selected ones."""

    @property
    def count(self) -> int:
        """Number of selected jobs."""
        return sum(len(part.ids) for part in self.chosen)

    @property
    def queues(self) -> list[str]:
        """Queues of the selected jobs."""
        return sorted({part.queue for part in self.chosen if part.ids})


@dataclass(frozen=True)
class BulkResult:
    """Result of a bulk operation. `done`, `failed` and `already` (needed no change) are numbers of jobs; `outcomes` has
    the first `MAX_LISTED_OUTCOMES` that succeeded or needed no change, and as many that failed.

    `batch` is the trash batch of removed jobs. `halted` is the reason of an early stop: a canary failed, or took too
    long.
    """

    done: int = 0
    failed: int = 0
    outcomes: list[Outcome] = field(default_factory=list)
    queues: list[str] = field(default_factory=list)
    batch: str | None = None
    scan: Scan | None = None
    halted: QctlError | None = None
    already: int = 0
    dependents: int = 0
    """Number of jobs that waited for these."""
    dependents_changed: int = 0
    """Number of those that were canceled or enqueued."""

    @classmethod
    def of(cls, outcomes: list[Outcome]) -> BulkResult:
        """Create the result of these outcomes, with all of them listed."""
        done = [outcome for outcome in outcomes if outcome.done]
        return cls(len(done), len(outcomes) - len(done), outcomes, sorted({outcome.queue for outcome in done}))

    @property
    def total(self) -> int:
        """Number of processed jobs."""
        return self.done + self.failed

    @property
    def missing(self) -> int:
        """Number of outcomes for ids without a job."""
        return sum(not outcome.queue for outcome in self.outcomes if not outcome.done)


@dataclass(frozen=True)
class TrashBatch:
    """Jobs removed by one operation. `count` is the number of jobs still in the trash. An operation that has not ended
    yet, or was killed, leaves its batch `unfinished`."""

    id: str
    queue: str
    verb: str
    by: str
    at: datetime
    expires_at: datetime
    count: int
    unfinished: bool = False


@dataclass(frozen=True)
class TrashChoice:
    """Batches to restore: those of one operation, one for each queue, and `earlier` ones of the same operation, which
    was killed before and run again."""

    batches: Sequence[TrashBatch]
    earlier: Sequence[TrashBatch] = ()


@dataclass(frozen=True)
class RestoreResult:
    """Result of `trash restore`. `earlier` are batches of the same operation, killed before and run again, that were
    restored with it."""

    batch: str
    queue: str
    restored: int
    earlier: tuple[str, ...] = ()
