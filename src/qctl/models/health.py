"""Health of qctl and its Redis."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

HealthStatus = Literal["ok", "degraded", "down"]

STATUS_ORDER: tuple[HealthStatus, ...] = ("ok", "degraded", "down")
"""Statuses from best to worst."""

Severity = Literal["critical", "error", "warning", "notice", "ok"]

SEVERITY_ORDER: tuple[Severity, ...] = ("critical", "error", "warning", "notice", "ok")
"""Severities from worst to best."""

_SEVERITIES: dict[HealthStatus, Severity] = {"down": "critical", "degraded": "warning", "ok": "ok"}
"""Severity of a finding that names none."""


@dataclass(frozen=True)
class Ping:
    """Answer of Redis. `rtt` is in seconds, `ts_ms` is Redis's clock in milliseconds since 1970."""

    rtt: float
    ts_ms: int
    redis_version: str
    target: str


@dataclass(frozen=True)
class Finding:
    """Result of one check. `reason` is the problem and its consequence, `fix` the next command or the way to solve it.

    `subject` is the queue, worker, job or source that it is about, empty for the whole site. `since` is when the
    problem began, None if that is unknown. `grade` is its severity if the status alone does not tell it: a problem of
    status `degraded` may be an error, and a deliberate state of status `ok`, such as a pause, is a notice.
    """

    check: str
    status: HealthStatus
    reason: str
    fix: str | None = None
    subject: str = ""
    since: datetime | None = None
    grade: Severity | None = None

    @property
    def severity(self) -> Severity:
        """Severity: the grade, or what the status means."""
        return self.grade or _SEVERITIES.get(self.status, "warning")


@dataclass(frozen=True)
class Health:
    """All findings; `status` is the worst."""

    status: HealthStatus
    findings: list[Finding]

    @classmethod
    def of(cls, findings: list[Finding]) -> Health:
        """Create the result of these findings."""
        return cls(max((finding.status for finding in findings), key=STATUS_ORDER.index, default="ok"), findings)

    @property
    def reasons(self) -> list[str]:
        """Reasons of all problems."""
        return [finding.reason for finding in self.findings if finding.status != "ok"]

    @property
    def problems(self) -> list[Finding]:
        """Findings that an operator should see, the worst first, of equal ones the oldest."""
        shown = [finding for finding in self.findings if finding.severity != "ok"]
        return sorted(shown, key=_gravity)

    @property
    def passed(self) -> list[Finding]:
        """Findings that all is well."""
        return [finding for finding in self.findings if finding.severity == "ok"]


def _gravity(finding: Finding) -> tuple[int, float]:
    began = finding.since.timestamp() if finding.since else float("inf")
    known = finding.severity in SEVERITY_ORDER  # a recording may hold anything
    return SEVERITY_ORDER.index(finding.severity) if known else 0, began


@dataclass(frozen=True)
class Repair:
    """Result of a repair. `orphans` and `workers` are the numbers of orphans enqueued, and of entries of dead workers
    deleted; the others are numbers of leftovers: jobs of dead stock workers, of which `dead` became dead letters,
    entries of runs that had ended, jobs that were never started, jobs of dead workers of qctl, jobs whose dependencies
    were met, entries without a job, and queues that RQ's set lacked."""

    orphans: int
    workers: int
    abandoned: int = 0
    dead: int = 0
    ended: int = 0
    unstarted: int = 0
    recovered: int = 0
    ready: int = 0
    ghosts: int = 0
    queues: int = 0
