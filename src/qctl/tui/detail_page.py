"""Base of the pages that show the selected row in full: in a pane beside the table, or in a window."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from textual.app import ComposeResult
from textual.containers import Horizontal

from qctl.errors import QctlError
from qctl.tui.data.monitor_data import MonitorData
from qctl.tui.host import Host
from qctl.tui.page import GridPage
from qctl.tui.widgets.cells import cells_content
from qctl.tui.widgets.detail_pane import DetailPane
from qctl.tui.widgets.dialogs import TextWindow
from qctl.tui.widgets.grid import Grid
from qctl.view import Cell

MOVE_SECONDS = 0.15
"""Time (s) that the cursor rests on a row before its details are read: a held key reads nothing."""

REFRESH_SECONDS = 5.0
"""Time (s) after which the details of a row are read again."""

REFRESH_PER_COST = 50
"""Seconds until the next read for each second of processor time that the last one took: 2 % of a processor."""


class DetailPage(GridPage):
    """A page with a pane about the selected row. Subclasses say what the pane shows."""

    def __init__(self, host: Host, **options: Any) -> None:
        super().__init__(host, **options)
        self._serial = 0
        self._due = 0.0
        self._is_reading = False

    def beside(self, grid: Grid) -> ComposeResult:
        """Place a table, and the pane at its right."""
        with Horizontal():
            yield grid
            yield DetailPane()

    def detail_title(self, row: Any) -> str:
        """Title of the pane and of the window about a row."""
        raise NotImplementedError

    def detail(self, data: MonitorData, row: Any, now: datetime) -> Sequence[Cell]:
        """Read all about a row. Called in a thread. Raises QctlError."""
        raise NotImplementedError

    def has_detail(self, row: Any) -> bool:
        """Return True if `detail` can say more about this row."""
        return row is not None

    # --- the pane ---------------------------------------------------------------------------------------

    @property
    def _pane(self) -> DetailPane | None:
        """The pane if it is visible."""
        return next((pane for pane in self.query(DetailPane) if pane.display and pane.size.width), None)

    def on_grid_moved(self, message: Grid.Moved) -> None:
        """Read the details of another row, once the cursor rests on it."""
        message.stop()
        self._serial += 1
        self.set_timer(MOVE_SECONDS, lambda serial=self._serial: self._read_detail(serial))

    def on_resize(self) -> None:
        """Fill a pane that has appeared."""
        self._due = 0.0
        self.refresh_detail()

    def refresh_detail(self) -> None:
        """Read the details again if they are old."""
        if time.monotonic() >= self._due:
            self._read_detail(self._serial)

    def _read_detail(self, serial: int) -> None:
        row = self.grid.current if self.query(Grid) else None
        if serial != self._serial or self._is_reading or self._pane is None:
            return
        if row is None or not self.has_detail(row):
            self._pane.show("", [])
            return
        self._due, self._is_reading = time.monotonic() + REFRESH_SECONDS, True
        title = self.detail_title(row)

        def show(read: tuple[Sequence[Cell], float]) -> None:
            lines, cost = read
            self._is_reading = False
            self._due = time.monotonic() + max(REFRESH_SECONDS, cost * REFRESH_PER_COST)
            if serial == self._serial and (pane := self._pane):
                pane.show(title, lines)
            elif serial != self._serial:
                self._read_detail(self._serial)

        self.host.fetch(self._reader(row), show)

    def _reader(self, row: Any) -> Callable[[], tuple[Sequence[Cell], float]]:
        now = self.host.now()

        def read() -> tuple[Sequence[Cell], float]:
            """The details or why there are none, and the processor time (s) of the read."""
            began = time.thread_time()
            try:
                lines = self.detail(self.data, row, now)
            except QctlError as error:
                lines = [Cell(error.message, "warn")]
            return lines, time.thread_time() - began

        return read

    # --- the window -------------------------------------------------------------------------------------

    def open_detail(self, row: Any) -> None:
        """Give the details the screen."""
        title, now = self.detail_title(row), self.host.now()
        self.host.fetch(
            lambda: cells_content(self.detail(self.data, row, now)),
            lambda content: self.app.push_screen(TextWindow(title, content)),
        )
