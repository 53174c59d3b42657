"""Page 9, Events: the event stream, newest first."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from textual.content import Content

from qctl import view
from qctl.errors import NotFoundError
from qctl.models import Event
from qctl.tui.data.monitor_data import MonitorData
from qctl.tui.host import Host
from qctl.tui.job_text import read_job
from qctl.tui.page import GridPage, TablePage
from qctl.tui.widgets.cells import cells_content
from qctl.tui.widgets.dialogs import TextWindow
from qctl.tui.widgets.grid import Grid, GridSpec
from qctl.view import Cell

EVENTS = GridSpec(
    view.event_columns,
    lambda event: event.id,
    "No events: actions of operators and jobs of qctl's workers would be here.",
    {},
)

MAX_EVENTS = 2000
"""Events that can be scrolled back to; older ones are dropped."""


class EventsPage(TablePage):
    """The event stream. New events come on top; the selected row stays selected."""

    digit = "9"
    heading = "Events"
    short = "Evt"
    spec = EVENTS

    def __init__(self, host: Host, **options: Any) -> None:
        super().__init__(host, **options)
        self._events: deque[Event] = deque(maxlen=MAX_EVENTS)
        self._has_past = False

    def read(self, data: MonitorData) -> Sequence[Event] | None:
        """Read past events, once. Later events are received."""
        return None if self._has_past else data.events.list(limit=MAX_EVENTS)

    def present(self, data: Sequence[Event] | None, now: datetime) -> None:
        """Add past events below those that were received since."""
        if data is not None:
            self._has_past = True
            received = {event.id for event in self._events}
            past = [event for event in reversed(data) if event.id not in received]
            self._events.extend(past[: MAX_EVENTS - len(self._events)])
        self.query_one(Grid).fill(list(self._events), now)

    def open_row(self, row: Event) -> None:
        """Show the job of the event, else the event."""
        open_event(self, row)

    def receive(self, events: Sequence[Event]) -> None:
        """Put events on top, to be shown when the page is read next."""
        newest = _position(self._events[0].id) if self._events else ()
        self._events.extendleft(event for event in events if _position(event.id) > newest)


def open_event(page: GridPage, event: Event) -> None:
    """Show the job of an event as it is now, else the fields of the event."""
    job, now, data = event.fields.get("job"), page.host.now(), page.data
    if not job:
        page.app.push_screen(TextWindow("event", "\n".join(f"{name:<9} {text}" for name, text in event.fields.items())))
        return

    def read() -> Content:
        line = view.event_line(event, now)
        try:
            return cells_content([line, Cell(""), *read_job(data, job, now)])
        except NotFoundError as error:
            return cells_content([line, Cell(""), Cell(error.message, "dim")])

    page.host.fetch(read, lambda content: page.app.push_screen(TextWindow(f"job {job}", content)))


def _position(entry_id: str) -> tuple[int, ...]:
    """The position of an entry in the stream."""
    return tuple(int(part) for part in entry_id.split("-") if part.isdecimal())
