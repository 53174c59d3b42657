"""A window beside the page that asks for one of several names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from qctl.safe import escape_line

MENU_WIDTH = 34
"""Width (cells) of a menu that opens at a position."""

FRAME_LINES = 2


class ChoiceDialog(ModalScreen["str | None"]):
    """Lists names, with the current one highlighted. None if it is left without a choice. `preview` is called with each
    name as it is highlighted. `at` is a position of the screen (column, line) beside which it opens, None for the right
    edge."""

    DEFAULT_CSS = """
    ChoiceDialog { align: right middle; }
    ChoiceDialog > OptionList { width: 34; height: auto; max-height: 90%; margin: 0 2; border: round $frame-focused;
        border-title-color: $text-primary; border-title-style: bold; border-subtitle-color: $text-muted;
        background: $surface; padding: 0 1; }
    ChoiceDialog > OptionList:focus { border: round $frame-focused; }
    """
    BINDINGS: ClassVar[list[Any]] = [Binding("escape", "cancel", show=False)]

    def __init__(
        self,
        title: str,
        names: Sequence[str],
        current: str,
        preview: Callable[[str], object] | None = None,
        at: tuple[int, int] | None = None,
    ) -> None:
        super().__init__()
        self._title = title
        self._names = list(names)
        self._current = current
        self._preview = preview
        self._at = at

    def compose(self) -> ComposeResult:
        """Place the list."""
        # The ids are positions: names come from a file.
        options = OptionList(
            *(Option(escape_line(name), id=f"n{number}") for number, name in enumerate(self._names)), markup=False
        )
        options.border_title = Content(self._title)
        options.border_subtitle = Content("Enter choose   Esc back")
        yield options

    def on_mount(self) -> None:
        """Highlight the current name."""
        for options in self.query(OptionList):
            options.highlighted = self._names.index(self._current) if self._current in self._names else 0
            if self._at is not None:
                self._place(options, *self._at)

    def _place(self, options: OptionList, column: int, line: int) -> None:
        """Open beside a position, as far as the screen is large enough."""
        width, height = MENU_WIDTH, len(self._names) + FRAME_LINES
        left = max(0, min(column, self.app.size.width - width))
        top = max(0, min(line, self.app.size.height - height))
        self.styles.align = ("left", "top")
        options.styles.width = width
        options.styles.margin = (top, 0, 0, left)

    def on_click(self, event: events.Click) -> None:
        """Close a menu at a click beside it."""
        if self._at is not None and event.widget is self:
            self.dismiss(None)

    @on(OptionList.OptionHighlighted)
    def _highlighted(self, message: OptionList.OptionHighlighted) -> None:
        if self._preview and self.is_current:
            self._preview(self._names[message.option_index])

    @on(OptionList.OptionSelected)
    def _choose(self, message: OptionList.OptionSelected) -> None:
        self.dismiss(self._names[message.option_index])

    def action_cancel(self) -> None:
        """Close the window without a choice."""
        self.dismiss(None)
