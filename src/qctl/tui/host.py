"""The services that the app offers to its pages. Pages know this protocol and not the app, which imports them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Protocol, TypeVar

from qctl.models import Selector
from qctl.tui.actions import Action
from qctl.tui.data.depth_history import DepthHistory
from qctl.tui.data.monitor_data import MonitorData
from qctl.tui.data.site_list import SiteList
from qctl.tui.widgets.prompt import PromptRequest

if TYPE_CHECKING:
    from qctl.ops import Ops

T = TypeVar("T")

ALL = Selector()
"""The selector of a page that shows all of its rows."""


class Host(Protocol):
    """The monitor as its pages see it."""

    depths: DepthHistory
    sites: SiteList | None

    @property
    def data(self) -> MonitorData:
        """The data that pages show."""

    @property
    def ops(self) -> Ops:
        """The operations that actions call. Raises RefusedError if there is no Redis to change."""

    def now(self) -> datetime:
        """The time from which ages are computed."""

    def go_to(self, digit: str, selector: Selector = ALL, select: str | None = None) -> None:
        """Show another page, restricted by `selector`, with the row `select` selected."""

    def switch_to(self, context: str) -> None:
        """Show another context."""

    def show_status(self, text: str) -> None:
        """Show one line above the keys until the next one replaces it."""

    def show_text(self, title: str, produce: Callable[[], str]) -> None:
        """Produce a text in a thread and show it in a window."""

    def fetch(self, produce: Callable[[], T], then: Callable[[T], object]) -> None:
        """Produce a value in a thread, then call `then` with it on the app's thread. Errors become status lines."""

    def prompt(self, request: PromptRequest) -> None:
        """Ask for one line of text."""

    def run_command(self, line: str) -> None:
        """Run `qctl LINE` and show its output."""

    def action_key(self, pressed: str) -> None:
        """Do what a key of `keys.KEYS` does."""

    def may_change(self) -> bool:
        """Return whether changes are allowed. The status line says why if they are not."""

    def start_action(self, action: Action | None) -> None:
        """Start an action in a thread; None means that it was canceled in its dialog."""
