"""Page L, Audit: who changed what? The changes that people made, newest first."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from textual.app import ComposeResult

from qctl import view
from qctl.models import AuditEntry
from qctl.tui.data.monitor_data import MonitorData
from qctl.tui.detail_page import DetailPage
from qctl.tui.page import TablePage
from qctl.tui.widgets.grid import Grid, GridSpec
from qctl.view import Cell

MAX_ENTRIES = 500
"""Changes that are shown; older ones: qctl audit."""


class AuditPage(TablePage, DetailPage):
    """The changes made by the command line, monitors and the gateway."""

    digit = "L"
    heading = "Audit"
    short = "Aud"
    spec = GridSpec(
        lambda now: view.audit_columns(now, traced=False),
        lambda entry: f"{entry.at.timestamp():.3f} {entry.actor} {entry.line}",
        "No changes: what operators do is listed here, with its outcome.",
        {
            "TIME": lambda entry: entry.at,
            "ACTOR": lambda entry: entry.actor,
            "OUTCOME": lambda entry: entry.outcome,
            "JOBS": lambda entry: entry.count,
            "TOOK": lambda entry: entry.seconds,
        },
        frozenset({"TIME", "JOBS", "TOOK"}),
    )
    DEFAULT_CSS = "AuditPage Grid { width: 1fr; }"

    def compose(self) -> ComposeResult:
        """Place the table, and the pane about a change."""
        yield from self.beside(Grid(self.spec, title="Audit"))

    def read(self, data: MonitorData) -> Sequence[AuditEntry]:
        """Read the last changes, the newest first."""
        return data.audit.list(limit=MAX_ENTRIES)[::-1]

    def present(self, data: Any, now: datetime) -> None:
        """Fill the table."""
        super().present(data, now)
        self.refresh_detail()

    def detail_title(self, row: AuditEntry) -> str:
        """The command."""
        return row.command

    def detail(self, _: MonitorData, row: AuditEntry, now: datetime) -> Sequence[Cell]:
        """All about a change; nothing more is read."""
        return view.audit_details(row, now)

    def open_row(self, row: AuditEntry) -> None:
        """Show a change in full."""
        self.open_detail(row)
