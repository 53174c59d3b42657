"""Table of health findings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qctl.safe import escape_line
from qctl.view.table import Cell, Column

if TYPE_CHECKING:
    from qctl.models import Finding, HealthStatus
    from qctl.view.table import Style

HEALTH_STYLES: dict[HealthStatus, Style] = {"ok": "good", "degraded": "warn", "down": "bad"}


def finding_columns() -> list[Column[Finding]]:
    """Return the columns of health findings."""
    return [
        Column("STATUS", lambda f: Cell(f.status, HEALTH_STYLES[f.status])),
        Column("CHECK", lambda f: Cell(escape_line(f.check)), min_width=8),
        Column("REASON", lambda f: Cell(_finding(f)), long=True),
    ]


def _finding(finding: Finding) -> str:
    fix = f" (fix: {escape_line(finding.fix)})" if finding.fix else ""
    return escape_line(finding.reason) + fix
