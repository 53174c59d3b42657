"""A window that follows a running action: its state, a bar, and its end."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen, Screen
from textual.widgets import Button, ProgressBar, Static

from qctl.safe import escape_line
from qctl.tui.actions import Action
from qctl.tui.messages import ActionEnded, ActionProgressed


class ProgressDialog(ModalScreen[None]):
    """Follows an action in the place of its dialog. It stays until Esc or Enter closes it; the action goes on without
    it, and the status line follows it then. `stop` stops the action."""

    DEFAULT_CSS = """
    ProgressDialog { align: center middle; }
    ProgressDialog > Vertical { width: 74; max-width: 96%; height: auto; max-height: 96%; border: round $frame-focused;
        padding: 0 2; background: $surface; }
    ProgressDialog .title { text-style: bold; }
    ProgressDialog .state { height: auto; max-height: 6; margin-top: 1; }
    ProgressDialog ProgressBar { margin-top: 1; width: 100%; }
    ProgressDialog Bar { width: 1fr; }
    ProgressDialog .line { color: $text-muted; margin-top: 1; height: auto; max-height: 4; }
    ProgressDialog Horizontal { height: auto; margin-top: 1; align-horizontal: right; }
    ProgressDialog Button { height: 1; border: none; margin-left: 2; min-width: 12; }
    ProgressDialog Button:focus { text-style: bold reverse; }
    """
    BINDINGS: ClassVar[list[Any]] = [
        Binding("escape,q", "close", show=False),
        Binding("x", "stop", show=False),
        Binding("left", "app.focus_previous", show=False),
        Binding("right", "app.focus_next", show=False),
    ]

    def __init__(self, action: Action, stop: Callable[[], object]) -> None:
        super().__init__()
        self._action = action
        self._stop = stop

    def compose(self) -> ComposeResult:
        """Place title, state, bar, command line and buttons."""
        with Vertical():
            yield Static(Content(escape_line(self._action.title)), classes="title")
            yield Static(Content("starting ..."), classes="state")
            yield ProgressBar(show_eta=False, show_percentage=False)
            yield Static(Content(escape_line(f"same as: {self._action.command_line}")), classes="line")
            with Horizontal():
                yield Button("Stop", id="stop", compact=True)
                yield Button("Close", id="close", compact=True)

    def on_mount(self) -> None:
        """Focus the button that changes nothing."""
        self.query_one("#close").focus()

    def show(self, message: ActionProgressed | ActionEnded) -> None:
        """Show how far the action is, or its end."""
        for state in self.query(".state").results(Static):
            state.update(Content(escape_line(message.text)))
        for bar in self.query(ProgressBar):
            if isinstance(message, ActionProgressed):
                bar.update(total=message.total, progress=message.done)
        for widget in (*self.query(ProgressBar), *self.query("#stop")):
            widget.display = isinstance(message, ActionProgressed)

    @on(Button.Pressed, "#stop")
    def action_stop(self) -> None:
        """Stop the action."""
        self._stop()

    @on(Button.Pressed, "#close")
    def action_close(self) -> None:
        """Close the window; the action goes on."""
        self.dismiss()


def follow(screens: Iterable[Screen[Any]], message: ActionProgressed | ActionEnded) -> None:
    """Show a message about the running action in the window among these screens that follows it."""
    for dialog in screens:
        if isinstance(dialog, ProgressDialog):
            dialog.show(message)
