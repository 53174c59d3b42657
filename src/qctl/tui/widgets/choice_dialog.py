"""A window beside the page that asks for one of several names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from qctl.safe import escape_line


class ChoiceDialog(ModalScreen["str | None"]):
    """Lists names, with the current one highlighted. None if it is left without a choice. `preview` is called with each
    name as it is highlighted."""

    DEFAULT_CSS = """
    ChoiceDialog { align: right middle; }
    ChoiceDialog > OptionList { width: 34; height: auto; max-height: 90%; margin: 0 2; border: round $frame-focused;
        border-title-color: $text-primary; border-title-style: bold; border-subtitle-color: $text-muted;
        background: $surface; padding: 0 1; }
    ChoiceDialog > OptionList:focus { border: round $frame-focused; }
    """
    BINDINGS: ClassVar[list[Any]] = [Binding("escape", "cancel", show=False)]

    def __init__(
        self, title: str, names: Sequence[str], current: str, preview: Callable[[str], object] | None = None
    ) -> None:
        super().__init__()
        self._title = title
        self._names = list(names)
        self._current = current
        self._preview = preview

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
