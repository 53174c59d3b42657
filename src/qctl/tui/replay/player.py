"""Answers from a recording, as of the moment of a clock: `qctl monitor --replay FILE`."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from qctl.errors import NotFoundError, QctlError
from qctl.models import Event
from qctl.tui.data.monitor_data import EventReader, MonitorData
from qctl.tui.replay.calls import Answers, NamedCalls, listed_events
from qctl.tui.replay.recording import Recording

POLL_SECONDS = 0.03
"""Time (s) between polls for recorded events that are due."""

HEARTBEAT_SECONDS = 1.0
"""Time (s) without an event after which an empty list is yielded, because Redis was there."""


class ReplayClock:
    """Position in a recording, in seconds from its start. It runs by itself, from 0 to `length`."""

    def __init__(self, length: float) -> None:
        self.length = length
        self.speed = 1.0
        self.is_paused = False
        self.seeks = 0
        """Number of times that the position was set."""
        self._position = 0.0
        self._since = time.monotonic()

    @property
    def at(self) -> float:
        """The current position."""
        elapsed = 0.0 if self.is_paused else (time.monotonic() - self._since) * self.speed
        return min(self.length, self._position + elapsed)

    def seek(self, position: float) -> None:
        """Set the position."""
        self._position, self._since = max(0.0, min(position, self.length)), time.monotonic()
        self.seeks += 1

    def set_speed(self, speed: float) -> None:
        """Run this many times faster than real time."""
        self._position, self._since, self.speed = self.at, time.monotonic(), speed

    def pause(self, paused: bool) -> None:
        """Stop the clock, or let it run again."""
        self._position, self._since, self.is_paused = self.at, time.monotonic(), paused

    def time_in(self, recording: Recording) -> datetime:
        """The time of day at the current position."""
        return recording.began + timedelta(seconds=self.at)


def replay(recording: Recording, clock: ReplayClock) -> MonitorData:
    """The data that the monitor showed at the position of the clock."""
    player = _Player(recording, clock)
    return NamedCalls(player, _ReplayedEvents(player, recording, clock))


class _Player(Answers):
    def __init__(self, recording: Recording, clock: ReplayClock) -> None:
        self._recording = recording
        self._clock = clock

    def answer(self, name: str, call: Callable[[MonitorData], Any]) -> Any:  # noqa: ARG002 - nothing is called again
        return self._recording.answer(name, self._clock.at)


class _ReplayedEvents(EventReader):
    def __init__(self, player: _Player, recording: Recording, clock: ReplayClock) -> None:
        self._player = player
        self._recording = recording
        self._clock = clock

    def list(self, *, limit: int) -> Sequence[Event]:
        """Return the last events: those that were followed, and before them those that were listed."""
        followed = self._recording.followed_events(self._clock.at, limit)
        listed: Sequence[Event] = ()
        with contextlib.suppress(NotFoundError):
            listed = listed_events(self._player, limit)
        known = {event.id for event in followed}
        return [*(event for event in listed if event.id not in known), *followed][-limit:]

    def last_id(self) -> str:
        return "0-0"

    def follow(self, *, after: str, on_disconnect: Callable[[QctlError, float], None]) -> Iterator[Sequence[Event]]:  # noqa: ARG002
        """Yield events when they are due, and an empty list each second if Redis was there and nothing happened."""
        yield []
        clock, heard_at, is_away = self._clock, time.monotonic(), False
        at, seeks = clock.at, clock.seeks
        while True:
            time.sleep(POLL_SECONDS)
            if clock.seeks != seeks:
                seeks, at, is_away = clock.seeks, clock.at, False
                yield []
            now = clock.at
            for events in self._recording.followed(at, now):
                is_away, heard_at = isinstance(events, QctlError), time.monotonic()
                if isinstance(events, QctlError):
                    on_disconnect(events, POLL_SECONDS)
                else:
                    yield events
            at = now
            if not is_away and time.monotonic() - heard_at >= HEARTBEAT_SECONDS:
                heard_at = time.monotonic()
                yield []
