"""Flows: jobs that wait for each other, and RQ's groups of jobs."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

FlowKind = Literal["job", "group"]
"""A flow around one job, or one of RQ's groups."""

_ENDED = frozenset({"finished", "failed", "stopped", "canceled", "quarantined", "trash", "gone"})
_FAILED = frozenset({"failed", "stopped", "quarantined"})


@dataclass(frozen=True)
class FlowJob:
    """A job of a flow: its state, `gone` without data, its function as RQ describes it, and the jobs of the flow
    that it depends on."""

    id: str
    queue: str
    state: str
    function: str = ""
    depends_on: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Flow:
    """Jobs that wait for each other: all that the job `id` waits for, itself, and all that wait for it; or the jobs of
    the group `id`. `is_whole` is False if it has more jobs than were read."""

    id: str
    kind: FlowKind
    jobs: list[FlowJob] = field(default_factory=list)
    is_whole: bool = True

    @property
    def states(self) -> Counter[str]:
        """Number of jobs by state."""
        return Counter(job.state for job in self.jobs)

    @property
    def ended(self) -> int:
        """Number of jobs that will not run any more, unless they are retried."""
        return sum(job.state in _ENDED for job in self.jobs)

    @property
    def failed(self) -> int:
        """Number of jobs that failed."""
        return sum(job.state in _FAILED for job in self.jobs)


@dataclass(frozen=True)
class Flows:
    """Flows that have not ended, and groups. `is_whole` is False if there are more than were read."""

    flows: list[Flow] = field(default_factory=list)
    is_whole: bool = True
