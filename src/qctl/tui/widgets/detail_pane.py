"""The pane beside a table that shows its selected row in full."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from qctl.safe import escape_line
from qctl.tui.widgets.cells import cells_content
from qctl.view import Cell


class DetailPane(VerticalScroll, can_focus=True):
    """Lines about the selected row. It is hidden where there is no room for it (`chrome.CSS`)."""

    DEFAULT_CSS = """
    DetailPane { width: 36%; height: 1fr; display: none; border: round $frame; border-title-color: $text-muted;
        padding: 0 1; scrollbar-size-vertical: 1; background: $surface; }
    DetailPane:focus { border: round $frame-focused; border-title-color: $text-primary; border-title-style: bold; }
    DetailPane > Static { height: auto; }
    """

    def compose(self) -> ComposeResult:
        """Place the text."""
        yield Static()

    def show(self, title: str, lines: Sequence[Cell]) -> None:
        """Show these lines."""
        self.border_title = Content(escape_line(title))
        content = cells_content(lines)
        for static in self.query(Static):
            if not (isinstance(static.content, Content) and content.is_same(static.content)):
                static.update(content)
