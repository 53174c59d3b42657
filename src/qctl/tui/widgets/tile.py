"""A number that counts for the whole site, with its last hour as a graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual import events
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from qctl.tui.widgets.cells import COLOURS
from qctl.view import Style
from qctl.view.sparklines import filled_graph

SIGNS = {"warn": " ▲", "bad": " ✖"}
"""Signs of a value beyond a threshold, for users who see no colour."""


@dataclass(frozen=True)
class TileContent:
    """Content of a tile: its present value, the style of that value, and the values of the last hour."""

    value: str
    style: Style = ""
    hour: Sequence[float | None] = ()
    highest: float | None = None
    """Value of a full column; None for the largest of the hour."""


class Tile(Static, can_focus=False):
    """A framed graph with the value in its frame; where there is no frame, one line with both. A click opens a page."""

    DEFAULT_CSS = "Tile { width: 1fr; height: 100%; border: round $frame; border-title-color: $text-muted; }"

    @dataclass
    class Pressed(Message):
        """A tile was clicked, which leads to the page `digit`."""

        digit: str

    def __init__(self, title: str, digit: str) -> None:
        super().__init__()
        self._title = title
        self._digit = digit
        self._shown = TileContent("...")

    def show(self, content: TileContent) -> None:
        """Show this content."""
        self._shown = content
        self._draw()

    def on_resize(self) -> None:
        """Fit the graph to another size."""
        self._draw()

    def _draw(self) -> None:
        width, height = self.content_size
        shown, colour = self._shown, COLOURS[self._shown.style] or "$text-primary"
        value = (shown.value + SIGNS.get(shown.style, ""), f"bold {colour}")
        if height == 1 and not self.styles.border_left[0]:
            label = f"{self._title.lower()} "
            room = max(0, width - len(label) - len(value[0]) - 3)
            graph = "".join(filled_graph(shown.hour, room, 1, shown.highest))
            self.update(Content.assemble((label, "$text-muted"), value, " ", (graph, colour)), layout=False)
            return
        self.border_title = Content.assemble((f"{self._title} ", ""), value)
        self.border_subtitle = Content.styled("1 h", "$text-muted")
        graph = "\n".join(filled_graph(shown.hour, width, max(1, height), shown.highest)) if width else ""
        self.update(Content.styled(graph, colour), layout=False)

    def on_click(self, event: events.Click) -> None:
        """Open the page of this number."""
        event.stop()
        self.post_message(self.Pressed(self._digit))
