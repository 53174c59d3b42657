"""The services that the app offers to its pages. Pages know this protocol and not the app, which imports them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, TypeVar

from qctl.models import Selector
from qctl.tui.actions import Act
from qctl.tui.data.depth_history import Trends
from qctl.tui.data.monitor_data import MonitorData
from qctl.tui.widgets.prompt import Question

if TYPE_CHECKING:
    from qctl.ops import Ops

T = TypeVar("T")

EVERYTHING = Selector()
"""The selector of a page that shows all of its rows."""


class Host(Protocol):
    """The monitor as its pages see it."""

    trends: Trends

    @property
    def data(self) -> MonitorData:
        """The data that pages show."""

    @property
    def ops(self) -> Ops:
        """The operations that actions call. Raises RefusedError if there is no Redis to change."""

    def go(self, digit: str, only: Selector = EVERYTHING, select: str | None = None) -> None:
        """Show another page, restricted to `only`, with the row `select` selected."""

    def show_status(self, text: str) -> None:
        """Show one line above the keys until the next one replaces it."""

    def show_text(self, title: str, produce: Callable[[], str]) -> None:
        """Produce a text in a thread and show it in a window."""

    def fetch(self, produce: Callable[[], T], then: Callable[[T], object]) -> None:
        """Produce a value in a thread, then call `then` with it on the app's thread. Errors become status lines."""

    def ask(self, question: Question) -> None:
        """Ask for one line of text."""

    def command(self, line: str) -> None:
        """Run `qctl LINE` and show its output."""

    def may_act(self) -> bool:
        """Return whether changes are allowed. The status line says why if they are not."""

    def perform(self, act: Act | None) -> None:
        """Start an action in a thread; None means that it was canceled in its dialog."""
