"""9 Events as they happen, the newest on top."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from qctl import view
from qctl.models import Event
from qctl.tui.data.monitor_data import MonitorData
from qctl.tui.host import Host
from qctl.tui.page import TablePage
from qctl.tui.widgets.grid import Grid, Source

EVENTS = Source(view.event_columns, lambda event: event.id, "Nothing has happened yet.", {})

KEPT = 2000
"""Events that can be scrolled back to."""


class EventsPage(TablePage):
    """The stream. What comes is put on top; the selected row stays selected."""

    digit = "9"
    heading = "Events"
    source = EVENTS

    def __init__(self, host: Host, **options: Any) -> None:
        super().__init__(host, **options)
        self._kept: deque[Event] = deque(maxlen=KEPT)
        self._knows_before = False

    def read(self, data: MonitorData) -> Sequence[Event] | None:
        """What was there before, once; those that come are heard."""
        return None if self._knows_before else data.events.list(limit=KEPT)

    def present(self, data: Sequence[Event] | None, now: datetime) -> None:
        """Put what was there before under what was heard since."""
        if data is not None:
            self._knows_before = True
            heard = {event.id for event in self._kept}
            before = [event for event in reversed(data) if event.id not in heard]
            self._kept.extend(before[: KEPT - len(self._kept)])
        self.query_one(Grid).fill(list(self._kept), now)

    def heard(self, events: Sequence[Event]) -> None:
        """Put them on top, to be shown when the page is read next."""
        newest = _place(self._kept[0].id) if self._kept else ()
        self._kept.extendleft(event for event in events if _place(event.id) > newest)


def _place(entry_id: str) -> tuple[int, ...]:
    """Where an entry is in the stream."""
    return tuple(int(part) for part in entry_id.split("-") if part.isdecimal())
