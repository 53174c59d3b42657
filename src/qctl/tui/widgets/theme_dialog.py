"""The window that asks for a theme."""

from __future__ import annotations

from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from qctl.tui.themes import THEMES


class ThemeDialog(ModalScreen["str | None"]):
    """Lists the themes beside the page, which is drawn in the highlighted one. None if it is left without a choice."""

    DEFAULT_CSS = """
    ThemeDialog { align: right middle; }
    ThemeDialog > OptionList { width: 34; height: auto; max-height: 90%; margin: 0 2; border: round $frame-focused;
        border-title-color: $text-primary; border-title-style: bold; border-subtitle-color: $text-muted;
        background: $surface; padding: 0 1; }
    ThemeDialog > OptionList:focus { border: round $frame-focused; }
    """
    BINDINGS: ClassVar[list[Any]] = [Binding("escape", "cancel", show=False)]

    def __init__(self, current: str) -> None:
        super().__init__()
        self._current = current

    def compose(self) -> ComposeResult:
        """Place the list."""
        options = OptionList(*(Option(name, id=name) for name in THEMES), markup=False)
        options.border_title = Content("Theme")
        options.border_subtitle = Content("Enter keep   Esc back")
        yield options

    def on_mount(self) -> None:
        """Highlight the current theme."""
        for options in self.query(OptionList):
            options.highlighted = list(THEMES).index(self._current) if self._current in THEMES else 0

    @on(OptionList.OptionHighlighted)
    def _preview(self, message: OptionList.OptionHighlighted) -> None:
        if message.option_id is not None and self.is_current:
            self.app.theme = message.option_id

    @on(OptionList.OptionSelected)
    def _choose(self, message: OptionList.OptionSelected) -> None:
        self.dismiss(message.option_id)

    def action_cancel(self) -> None:
        """Close the window and keep the theme that was there before."""
        self.dismiss(None)
