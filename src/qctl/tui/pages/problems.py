"""The table of problems: what is wrong, where, since when, and the command that mends it."""

from __future__ import annotations

import re
from datetime import datetime

from qctl import view
from qctl.models import Finding, Severity
from qctl.safe import escape_line
from qctl.tui.widgets.grid import GridSpec
from qctl.view import Cell, Column

SIGNS: dict[Severity, str] = {"critical": "✖", "error": "✖", "warning": "▲", "notice": "■", "ok": "●"}

FINDING_PAGES = {
    **dict.fromkeys(("quarantine", "dead letters", "errors", "rejects"), "4"),
    **dict.fromkeys(("workers", "stuck job", "slow job", "writes", "silent workers", "stale workers"), "6"),
    **dict.fromkeys(("buffer", "session", "sources", "mqtt"), "7"),
    **dict.fromkeys(("schedule", "rq cron", "rq-scheduler"), "5"),
    **dict.fromkeys(("sink", "paused", "queues", "late"), "2"),
    "alert": "8",
}
"""The page that has more about each check."""

_COMMAND = re.compile(r"(?:^|: )qctl (?P<line>[a-z][^\n]*)$")


def problem_columns(now: datetime) -> list[Column[Finding]]:
    """The columns of the problems."""
    return [
        Column("STATE", _severity),
        Column("WHERE", lambda f: Cell(escape_line(f.subject or f.check)), min_width=8),
        Column("FOR", lambda f: Cell(view.age(f.since, now) if f.since else ""), right=True),
        Column("WHAT", lambda f: Cell(escape_line(f.reason + (f"  -> {f.fix}" if f.fix else ""))), long=True),
    ]


def _severity(finding: Finding) -> Cell:
    severity = finding.severity
    return Cell(f"{SIGNS.get(severity, '?')} {escape_line(severity)}", view.SEVERITY_STYLES.get(severity, ""))


PROBLEMS = GridSpec(
    problem_columns, lambda finding: f"{finding.check} {finding.subject} {finding.reason}", "reading ...", {}
)


def command_of(fix: str | None) -> str | None:
    """The command line after `qctl` in the text that says how to mend a problem, None if it names no command."""
    found = _COMMAND.search(fix or "")
    return found["line"].strip() if found else None
