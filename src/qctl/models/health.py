"""Health of qctl and its Redis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

HealthStatus = Literal["ok", "degraded", "down"]

STATUS_ORDER: tuple[HealthStatus, ...] = ("ok", "degraded", "down")
"""Statuses from best to worst."""


@dataclass(frozen=True)
class Ping:
    """Answer of Redis. `rtt` is in seconds, `ts_ms` is Redis's clock in milliseconds since 1970."""

    rtt: float
    ts_ms: int
    redis_version: str
    target: str


@dataclass(frozen=True)
class Finding:
    """Result of one check. `reason` is the problem and its consequence, `fix` the way to solve it."""

    check: str
    status: HealthStatus
    reason: str
    fix: str | None = None


@dataclass(frozen=True)
class Health:
    """All findings; `status` is the worst."""

    status: HealthStatus
    findings: list[Finding]

    @property
    def reasons(self) -> list[str]:
        """Reasons of all problems."""
        return [finding.reason for finding in self.findings if finding.status != "ok"]


@dataclass(frozen=True)
class Repair:
    """Result of a repair. `orphans` and `workers` are the numbers of orphans enqueued, and of entries of dead workers
    deleted; the others are numbers of leftovers: jobs of dead stock workers, of which `dead` became dead letters,
    entries of runs that had ended, jobs that were never started, jobs whose dependencies were met, entries without a
    job, and queues that RQ's set lacked."""

    orphans: int
    workers: int
    abandoned: int = 0
    dead: int = 0
    ended: int = 0
    unstarted: int = 0
    ready: int = 0
    ghosts: int = 0
    queues: int = 0
