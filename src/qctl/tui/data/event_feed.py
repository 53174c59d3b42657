"""Follows the event stream in a thread as long as the monitor is open."""

from __future__ import annotations

import threading
from collections.abc import Callable

from textual.message import Message

from qctl.errors import QctlError
from qctl.tui.data.monitor_data import EventReader
from qctl.tui.messages import EventsReceived, RedisLost

FEW_EVENTS = 5
"""Largest number of events that count as few: after these the wait is short."""

WAIT_SECONDS = 0.03
"""Time (s) in which events gather after few came."""

BUSY_WAIT_SECONDS = 0.07
"""Time (s) in which events gather after many came: 1,000 events a second become fourteen messages."""

RETRY_SECONDS = 1.0
"""Time (s) until the next attempt if Redis does not answer at the start."""

MAX_RETRY_SECONDS = 5.0
"""Longest time (s) until the next attempt, because a user is waiting."""


def follow(events: EventReader, post: Callable[[Message], object], closed: threading.Event) -> None:
    """Post events until `closed` is set. Continues by itself after Redis was away."""

    def on_disconnect(error: QctlError, seconds: float) -> None:
        seconds = min(seconds, MAX_RETRY_SECONDS)
        post(RedisLost(error, seconds))
        closed.wait(seconds)

    after = None
    while after is None and not closed.is_set():
        try:
            after = events.last_id()
        except QctlError as error:
            on_disconnect(error, RETRY_SECONDS)
    if after is None:
        return
    for received in events.follow(after=after, on_disconnect=on_disconnect):
        if closed.is_set():
            return
        post(EventsReceived(received))
        closed.wait(BUSY_WAIT_SECONDS if len(received) > FEW_EVENTS else WAIT_SECONDS)
