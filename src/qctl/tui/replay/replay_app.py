"""The monitor over a recording: the same screens, and a line that says when that was and leads elsewhere."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar, cast

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding
from textual.content import Content
from textual.widgets import ContentSwitcher, Input, Static

from qctl.tui.app import Monitor
from qctl.tui.page import Page
from qctl.tui.pages import PAGES
from qctl.tui.replay.player import Clock, replay
from qctl.tui.replay.recording import Recording

STEP, FAR = 10.0, 60.0
"""Seconds that a key leads forward or back, alone and with Shift."""

SPEEDS = (0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)

OFTEN = 0.25
"""Seconds between two drawings of the line."""

KEYS = "Left Right 10 s  Shift 60 s  < > speed  . hold"


class Slider(Static):
    """Which part of the recording is over. A click leads to another."""

    DEFAULT_CSS = "Slider { height: 1; background: $boost; }"

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    def on_mount(self) -> None:
        """Begin to move."""
        self.set_interval(OFTEN, self.draw)
        self.draw()

    def draw(self) -> None:
        """Show where it is."""
        clock, width = self._clock, self.size.width
        state = "held" if clock.is_paused else "ended" if clock.at >= clock.length else f"{clock.speed:g}x"
        left, right = f" {state:<5} {_time(clock.at)} ", f" {_time(clock.length)} "
        keys = f" {KEYS} " if width >= 110 else ""
        room = width - len(left) - len(right) - len(keys)
        self._from, self._room = len(left), max(1, room - 1)
        done = round(self._room * clock.at / clock.length) if clock.length else 0
        bar = ("=" * done + "O" + "-" * (self._room - done)) if room > 4 else ""
        self.update(Content(f"{left}{bar}{right}{keys}"[: max(0, width)]))

    def on_resize(self) -> None:
        """Another width."""
        self.draw()

    async def on_click(self, event: events.Click) -> None:
        """To that moment."""
        if 0 <= event.x - self._from <= self._room:
            await cast("ReplayMonitor", self.app).seek(self._clock.length * (event.x - self._from) / self._room)


def _time(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}" if minutes >= 60 else f"{minutes:02}:{rest:02}"


class ReplayMonitor(Monitor):
    """The monitor of a recording. Nothing can be changed: it is over."""

    BINDINGS: ClassVar[list[Any]] = [
        Binding("left", f"step(-{STEP})", show=False, priority=True),
        Binding("right", f"step({STEP})", show=False, priority=True),
        Binding("shift+left", f"step(-{FAR})", show=False, priority=True),
        Binding("shift+right", f"step({FAR})", show=False, priority=True),
        Binding("less_than_sign", "speed(-1)", show=False, priority=True),
        Binding("greater_than_sign", "speed(1)", show=False, priority=True),
        Binding("full_stop", "hold", show=False, priority=True),
    ]

    def __init__(self, recording: Recording) -> None:
        self._clock = Clock(recording.length)
        self._recording = recording
        super().__init__(
            replay(recording, self._clock),
            target=recording.target,
            read_only="this is a recording: what it shows is over",
        )

    def now(self) -> datetime:
        """What time it was."""
        return self._clock.time_in(self._recording)

    def compose(self) -> ComposeResult:
        """The slider stands above the keys."""
        for widget in super().compose():
            if widget.id == "foot":
                yield Slider(self._clock)
            yield widget

    def on_mount(self) -> None:
        """Say which keys lead about."""
        super().on_mount()
        self.show_status(f"a recording of {self._recording.began.astimezone():%Y-%m-%d %H:%M:%S}: {KEYS}")

    async def seek(self, to: float) -> None:
        """Show another moment. Pages that remember what they heard begin anew: it may not have happened yet."""
        self._clock.seek(to)
        for number, page in enumerate(self._pages):
            if type(page).heard is not Page.heard:
                await self._renew(number)
        self.query_one(Slider).draw()
        self._load_now()

    async def _renew(self, number: int) -> None:
        old, kind = self._pages[number], PAGES[number]
        new = self._pages[number] = kind(self, id=old.id)
        shown = old is self._page
        await old.remove()
        await self.query_one(ContentSwitcher).mount(new)
        new.display = shown
        if shown:
            self._page = new
            self._focus_grid()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys lead through time unless something is typed or a window is open."""
        if action in ("step", "speed", "hold"):
            return len(self.screen_stack) == 1 and not isinstance(self.focused, Input)
        return super().check_action(action, parameters)

    async def action_step(self, seconds: float) -> None:
        """Forward or back."""
        await self.seek(self._clock.at + seconds)

    def action_speed(self, by: int) -> None:
        """Faster or slower."""
        at = SPEEDS.index(self._clock.speed) + by
        self._clock.set_speed(SPEEDS[max(0, min(at, len(SPEEDS) - 1))])
        self.query_one(Slider).draw()

    def action_hold(self) -> None:
        """Stand still, or go on."""
        self._clock.pause(not self._clock.is_paused)
        self.query_one(Slider).draw()
