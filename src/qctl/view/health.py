"""Table of health findings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qctl.quantities import quantity
from qctl.safe import escape_line
from qctl.view.table import Cell, Column
from qctl.view.values import age

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from qctl.models import Finding, Health, HealthStatus, Severity
    from qctl.view.table import Style

HEALTH_STYLES: dict[HealthStatus, Style] = {"ok": "good", "degraded": "warn", "down": "bad"}

SEVERITY_STYLES: dict[Severity, Style] = {
    "critical": "bad",
    "error": "bad",
    "warning": "warn",
    "notice": "",
    "ok": "good",
}


def finding_columns(now: datetime | None = None) -> list[Column[Finding]]:
    """Return the columns of health findings; with `now`, also for how long each problem has lasted."""
    since: list[Column[Finding]] = []
    if now is not None:
        since = [Column("FOR", lambda f: Cell(age(f.since, now) if f.since else ""), right=True)]
    return [
        Column("STATUS", lambda f: Cell(escape_line(f.severity), SEVERITY_STYLES.get(f.severity, ""))),
        Column("CHECK", lambda f: Cell(escape_line(f.check)), min_width=8),
        *since,
        Column("REASON", lambda f: Cell(_finding(f)), long=True),
    ]


def problem_rows(health: Health) -> list[Finding]:
    """Return all problems, the worst first, and one row for everything that is well."""
    return [*health.problems, *([_fold(health.passed)] if health.passed else [])]


def _fold(passed: Sequence[Finding]) -> Finding:
    names = dict.fromkeys(finding.check for finding in passed)
    from qctl.models import Finding  # a slow import that most commands do not need

    return Finding(quantity(len(passed), "check"), "ok", ", ".join(names))


def _finding(finding: Finding) -> str:
    fix = f" (fix: {escape_line(finding.fix)})" if finding.fix else ""
    return escape_line(finding.reason) + fix
