"""What bulk acts are asked for, which jobs that means, and what became of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from qctl.errors import QctlError
from qctl.models.jobs import State

Verb = Literal["retry", "cancel", "delete", "discard", "move", "export"]
"""What can be done to many jobs."""

Progress = Callable[[int, int | None], None]
"""Called after each step of a long operation with the number of items done and the total, None if that is unknown. An
exception that it raises ends the operation between two steps."""

MAX_LISTED_OUTCOMES = 1000
"""Outcomes that a result keeps of those that were done, and of those that were not; all are counted."""


def ignore_progress(_done: int, _total: int | None) -> None:
    """The `Progress` of an operation that nobody watches."""


@dataclass(frozen=True)
class Selector:
    """Which jobs are meant: those of `ids`, none where that is empty; where it is None those that match all the rest.

    `queue` and `job` are names or patterns; `job` is a function, or the name of a job of the catalog. `error`, `owner`
    and `argument` are looked for in what the job says, upper and lower case alike; `older_than` is in seconds in its
    state; `moved_from` is a queue. `states` empty means those that the act is made for. `limit` is the most jobs that
    are chosen; `scan` the most that are looked at where no index helps, None all.
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
    limit: int | None = None
    scan: int | None = None

    @property
    def reads_jobs(self) -> bool:
        """Whether each job has to be read to know if it is meant."""
        said = (self.job, self.error, self.older_than, self.owner, self.moved_from, self.argument)
        return any(value is not None for value in said)

    @property
    def is_everything(self) -> bool:
        """Whether it names nothing: all there is."""
        return replace(self, limit=None, scan=None) == Selector()


@dataclass(frozen=True)
class Scan:
    """How much was looked at to find something: `scanned` of `total` jobs."""

    scanned: int
    total: int

    @property
    def whole(self) -> bool:
        """Whether that was all."""
        return self.scanned >= self.total


@dataclass(frozen=True)
class Outcome:
    """What became of one item of a bulk act. `where` is the state of a job that was found in another than is meant."""

    id: str
    queue: str
    done: bool
    detail: str = ""
    where: str = ""


@dataclass
class ChosenJobs:
    """Jobs in one state of one queue, as bytes that Redis knows them by.

    `positions` says where in its list each waiting job was; empty for all other states.
    """

    queue: str
    state: State
    ids: list[bytes] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Selection:
    """The jobs that a selector chose, the ids it named that are none, and those with which nothing is to be done: it is
    so already. Small enough for a million.

    `so` says of states that the act leads to what is told of jobs that somebody else brought there meanwhile; only of
    those in the queue `target`, where the act has one.
    """

    chosen: list[ChosenJobs]
    missing: list[Outcome] = field(default_factory=list)
    already: list[Outcome] = field(default_factory=list)
    scan: Scan | None = None
    so: Mapping[str, str] = field(default_factory=dict)
    target: str | None = None

    @property
    def count(self) -> int:
        """How many jobs were chosen."""
        return sum(len(part.ids) for part in self.chosen)

    @property
    def queues(self) -> list[str]:
        """The queues they are of."""
        return sorted({part.queue for part in self.chosen if part.ids})


@dataclass(frozen=True)
class BulkResult:
    """What a bulk act did. `done`, `failed` and `already` (so before) count; `outcomes` keeps the first `KEPT` of
    those that were done or so already, and of those that failed.

    `batch` names what was put into the trash together. `halted` says why it stopped before the last job: the canary
    failed, or took too long.
    """

    done: int = 0
    failed: int = 0
    outcomes: list[Outcome] = field(default_factory=list)
    queues: list[str] = field(default_factory=list)
    batch: str | None = None
    scan: Scan | None = None
    halted: QctlError | None = None
    already: int = 0

    @classmethod
    def of(cls, outcomes: list[Outcome]) -> BulkResult:
        """The result that these outcomes are, each of them kept."""
        done = [outcome for outcome in outcomes if outcome.done]
        return cls(len(done), len(outcomes) - len(done), outcomes, sorted({outcome.queue for outcome in done}))

    @property
    def total(self) -> int:
        """How many jobs it was about."""
        return self.done + self.failed

    @property
    def missing(self) -> int:
        """How many of the outcomes are of ids that are nowhere."""
        return sum(not outcome.queue for outcome in self.outcomes if not outcome.done)
