"""Following the event stream, in a thread, for as long as the monitor is open."""

from __future__ import annotations

import threading
from collections.abc import Callable

from textual.message import Message

from qctl.errors import QctlError
from qctl.tui.data.monitor_data import EventReader
from qctl.tui.messages import Away, Happened

FEW = 5
"""Events that come at once where not much happens: they are told at once."""

GATHER = 0.03
"""Seconds in which events gather then."""

CROWD = 0.07
"""Seconds in which they gather where they are many: a thousand a second are fourteen messages, none 100 ms old."""

AGAIN = 1.0
"""Seconds until Redis is asked again that was not there when the monitor began."""

LONGEST = 5.0
"""Most seconds until it is asked again: somebody looks at the screen."""


def follow(source: EventReader, tell: Callable[[Message], object], ended: threading.Event) -> None:
    """Tell what happens until `ended` is set. Goes on by itself where Redis was away."""

    def away(error: QctlError, seconds: float) -> None:
        seconds = min(seconds, LONGEST)
        tell(Away(error, seconds))
        ended.wait(seconds)

    after = None
    while after is None and not ended.is_set():
        try:
            after = source.last_id()
        except QctlError as error:
            away(error, AGAIN)
    if after is None:
        return
    for events in source.follow(after=after, away=away):
        if ended.is_set():
            return
        tell(Happened(events))
        ended.wait(CROWD if len(events) > FEW else GATHER)
