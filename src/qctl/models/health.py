"""Whether qctl and its Redis are well."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

HealthStatus = Literal["ok", "degraded", "down"]

STATUS_ORDER: tuple[HealthStatus, ...] = ("ok", "degraded", "down")
"""From the best to the worst."""


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
class Repair:
    """What was put in order: orphans that were enqueued again, workers without a heartbeat that are listed no more."""

    orphans: int
    workers: int
