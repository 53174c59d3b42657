"""The monitor of a recording: the same pages, and a timeline."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding
from textual.content import Content
from textual.message import Message
from textual.widgets import ContentSwitcher, Input, Static

from qctl.tui.app import Monitor
from qctl.tui.page import Page
from qctl.tui.pages import PAGES
from qctl.tui.replay.player import ReplayClock, replay
from qctl.tui.replay.recording import Recording
from qctl.tui.themed_app import ThemeOptions

if TYPE_CHECKING:
    from typing_extensions import Unpack

SEEK_SECONDS = 10.0
LONG_SEEK_SECONDS = 60.0
"""Seconds that a key seeks forward or back, alone and with Shift."""

SPEEDS = (0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)

DRAW_SECONDS = 0.25
"""Time (s) between two drawings of the timeline."""

KEYS = "Left Right 10 s  Shift 60 s  < > speed  . pause"


class Timeline(Static):
    """Shows the position in the recording. A click seeks."""

    DEFAULT_CSS = "Timeline { height: 1; background: $boost; }"

    class Sought(Message):
        """The timeline was clicked at a position."""

        def __init__(self, position: float) -> None:
            super().__init__()
            self.position = position

    def __init__(self, clock: ReplayClock) -> None:
        super().__init__()
        self._clock = clock

    def on_mount(self) -> None:
        """Draw the position from now on."""
        self.set_interval(DRAW_SECONDS, self.draw)
        self.draw()

    def draw(self) -> None:
        """Draw the position."""
        clock, width = self._clock, self.size.width
        state = "paused" if clock.is_paused else "ended" if clock.at >= clock.length else f"{clock.speed:g}x"
        left, right = f" {state:<6} {_format(clock.at)} ", f" {_format(clock.length)} "
        keys = f" {KEYS} " if width >= 110 else ""
        room = width - len(left) - len(right) - len(keys)
        self._bar_start, self._bar_width = len(left), max(1, room - 1)
        done = round(self._bar_width * clock.at / clock.length) if clock.length else 0
        bar = ("=" * done + "O" + "-" * (self._bar_width - done)) if room > 4 else ""
        self.update(Content(f"{left}{bar}{right}{keys}"[: max(0, width)]))

    def on_resize(self) -> None:
        """Fit the timeline to another width."""
        self.draw()

    def on_click(self, event: events.Click) -> None:
        """Seek to the position of the mouse."""
        x = event.x - self._bar_start
        if 0 <= x <= self._bar_width:
            self.post_message(self.Sought(self._clock.length * x / self._bar_width))


def _format(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}" if minutes >= 60 else f"{minutes:02}:{rest:02}"


class ReplayMonitor(Monitor):
    """The monitor of a recording. It has no `Ops`, so nothing can be changed."""

    BINDINGS: ClassVar[list[Any]] = [
        Binding("left", f"seek(-{SEEK_SECONDS})", show=False, priority=True),
        Binding("right", f"seek({SEEK_SECONDS})", show=False, priority=True),
        Binding("shift+left", f"seek(-{LONG_SEEK_SECONDS})", show=False, priority=True),
        Binding("shift+right", f"seek({LONG_SEEK_SECONDS})", show=False, priority=True),
        Binding("less_than_sign", "change_speed(-1)", show=False, priority=True),
        Binding("greater_than_sign", "change_speed(1)", show=False, priority=True),
        Binding("full_stop", "pause", show=False, priority=True),
    ]

    def __init__(self, recording: Recording, **colours: Unpack[ThemeOptions]) -> None:
        self._clock = ReplayClock(recording.length)
        self._recording = recording
        super().__init__(
            replay(recording, self._clock),
            target=recording.target,
            read_only="this is a recording, which cannot be changed",
            **colours,
        )

    def now(self) -> datetime:
        """The recorded time from which ages are computed."""
        return self._clock.time_in(self._recording)

    def compose(self) -> ComposeResult:
        """Place the timeline above the keys."""
        for widget in super().compose():
            if widget.id == "foot":
                yield Timeline(self._clock)
            yield widget

    def on_mount(self) -> None:
        """Show the start of the recording, and the keys of the timeline."""
        super().on_mount()
        self.show_status(f"a recording of {self._recording.began.astimezone():%Y-%m-%d %H:%M:%S}: {KEYS}")

    async def seek(self, position: float) -> None:
        """Show another position. Pages that keep events are created again, because those may not have happened yet."""
        self._clock.seek(position)
        for number, page in enumerate(self._pages):
            if type(page).receive is not Page.receive:
                await self._replace_page(number)
        self.query_one(Timeline).draw()
        self._load_now()

    async def _replace_page(self, number: int) -> None:
        old, kind = self._pages[number], PAGES[number]
        new = self._pages[number] = kind(self, id=old.id)
        is_shown = old is self._page
        await old.remove()
        await self.query_one(ContentSwitcher).mount(new)
        new.display = is_shown
        if is_shown:
            self._page = new
            self._focus_grid()

    async def on_timeline_sought(self, message: Timeline.Sought) -> None:
        """Seek to the position of a click."""
        await self.seek(message.position)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys of the timeline apply unless a text is typed or a window is open."""
        if action in ("seek", "change_speed", "pause"):
            return len(self.screen_stack) == 1 and not isinstance(self.focused, Input)
        return super().check_action(action, parameters)

    async def action_seek(self, seconds: float) -> None:
        """Seek forward or back."""
        await self.seek(self._clock.at + seconds)

    def action_change_speed(self, by: int) -> None:
        """Run faster or slower."""
        at = SPEEDS.index(self._clock.speed) + by
        self._clock.set_speed(SPEEDS[max(0, min(at, len(SPEEDS) - 1))])
        self.query_one(Timeline).draw()

    def action_pause(self) -> None:
        """Pause the recording, or let it run."""
        self._clock.pause(not self._clock.is_paused)
        self.query_one(Timeline).draw()
