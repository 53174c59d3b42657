"""5 Schedules: what comes at a time, of all kinds, and holding, running and removing it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timezone

from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from qctl import view
from qctl.models import Coming, Timer, Timers
from qctl.safe import escape_line, redact
from qctl.tui import actions
from qctl.tui.data.monitor_data import MonitorData
from qctl.tui.page import TablePage
from qctl.tui.widgets.grid import Grid, Source

SHOWN = 200
"""Jobs that wait for their time that are read, beside every schedule."""

NEXT = 10
"""Times to come that are told of one schedule."""


class SchedulesPage(TablePage):
    """Schedules of qctl's, those of a stock rq-scheduler, and jobs of RQ's that wait for their time."""

    digit = "5"
    heading = "Schedules"
    source = Source(
        view.schedule_columns,
        lambda timer: timer.name,
        "Nothing comes at a time. Add a schedule: qctl schedule add NAME JOB --every 1h",
        {
            "NAME": lambda timer: timer.name,
            "KIND": lambda timer: timer.kind,
            "JOB": lambda timer: timer.job,
            "QUEUE": lambda timer: timer.queue,
            "NEXT": lambda timer: timer.next_at,
            "LAST": lambda timer: timer.last_at,
        },
        frozenset({"LAST"}),
    )

    DEFAULT_CSS = "SchedulesPage > #more { height: 1; padding: 0 2; color: $text-muted; }"

    def compose(self) -> ComposeResult:
        """The table, and how many more there are."""
        yield Grid(self.source)
        yield Static(id="more")

    def read(self, data: MonitorData) -> Timers:
        """All schedules, and the first jobs."""
        return data.schedules.list(queue=self.only.queue, limit=SHOWN)

    def rows(self, data: Timers) -> Sequence[Timer]:
        """By when they come."""
        return data.rows

    def present(self, data: Timers, now: datetime) -> None:
        """Fill the table, and say what is not in it."""
        super().present(data, now)
        more = data.total - len(data.rows)
        self.query_one("#more", Static).update(Content(f"{more} more jobs wait for their time" if more > 0 else ""))

    def open(self, row: Timer) -> None:
        """Its rule, its times to come, what it calls."""
        name = row.name
        self.host.show_text(name, lambda: "\n".join(facts(row, self.data.schedules.next(names=[name], count=NEXT))))

    def do_pause(self) -> None:
        """Hold it, or let it come again."""
        timer = self.grid.current
        if timer is not None:
            held = timer.paused_by is not None
            self.propose((actions.release if held else actions.hold)(self.ops, timer))

    def do_run(self) -> None:
        """Now."""
        if self.grid.current is not None:
            self.propose(actions.run_now(self.ops, self.grid.current))

    def do_remove(self) -> None:
        """For good."""
        if self.grid.current is not None:
            self.propose(actions.remove(self.ops, self.grid.current))


def facts(timer: Timer, comings: Sequence[Coming]) -> Iterator[str]:
    """What a table has no room for, line by line."""
    now = datetime.now(timezone.utc)
    for column in view.schedule_columns(now):
        text = column.cell(timer).text
        if text:
            yield f"{column.title:<10} {text}"
    told = {"RULE": timer.cron, "ZONE": timer.timezone if timer.cron else None, "CATCH-UP": timer.catch_up}
    told |= {"RUNS": None if timer.runs is None else str(timer.runs), "LAST JOB": timer.last_job, "FROM": timer.source}
    yield from (f"{title:<10} {escape_line(text)}" for title, text in told.items() if text)
    if timer.payload is not None:
        yield f"{'CALLED':<10} {escape_line(redact(timer.payload))}"
    yield ""
    yield "Times to come:" if comings else "No time to come is known."
    yield from (f"  {view.local_time(coming.at, now)}" for coming in comings)
