"""Page 5, Schedules: schedules and jobs that are due later, and actions on them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timezone

from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from qctl import view
from qctl.models import Coming, Timer, Timers
from qctl.quantities import clause
from qctl.safe import escape_line, redact
from qctl.tui import actions
from qctl.tui.data.monitor_data import MonitorData
from qctl.tui.page import TablePage
from qctl.tui.widgets.grid import Grid, GridSpec

MAX_DELAYED_JOBS = 200
"""Jobs due later that are read besides all schedules; the others are counted."""

NEXT_RUNS = 10
"""Next runs of a schedule that are listed."""


class SchedulesPage(TablePage):
    """Schedules of qctl, schedules of a stock rq-scheduler, and RQ's jobs that are due later."""

    digit = "5"
    heading = "Schedules"
    short = "Sch"
    spec = GridSpec(
        view.schedule_columns,
        lambda timer: timer.name,
        "No schedules. Add one: qctl schedule add NAME JOB --every 1h",
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
        """Place the table, and a line that counts the jobs which are not in it."""
        yield Grid(self.spec, title="Schedules")
        yield Static(id="more")

    def read(self, data: MonitorData) -> Timers:
        """Read all schedules, and the jobs that are due first."""
        return data.schedules.list(queue=self.selector.queue, limit=MAX_DELAYED_JOBS)

    def rows(self, data: Timers) -> Sequence[Timer]:
        """The schedules and jobs by their next run."""
        return data.rows

    def present(self, data: Timers, now: datetime) -> None:
        """Fill the table, and count the jobs that are not in it."""
        super().present(data, now)
        more = data.total - len(data.rows)
        self.query_one("#more", Static).update(
            Content(f"{clause(more, 'more job', 'is', 'are')} due later" if more > 0 else "")
        )

    def open_row(self, row: Timer) -> None:
        """Show a schedule in full, with its next runs."""
        name = row.name
        self.host.show_text(
            name, lambda: "\n".join(describe(row, self.data.schedules.next(names=[name], count=NEXT_RUNS)))
        )

    def do_pause(self) -> None:
        """Pause or resume the schedule."""
        timer = self.grid.current
        if timer is not None:
            paused = timer.paused_by is not None
            self.confirm((actions.resume_schedule if paused else actions.pause_schedule)(self.ops, timer))

    def do_run(self) -> None:
        """Run the schedule once, now."""
        if self.grid.current is not None:
            self.confirm(actions.run_schedule(self.ops, self.grid.current))

    def do_remove(self) -> None:
        """Delete the schedule, or cancel the job."""
        if self.grid.current is not None:
            self.confirm(actions.remove_schedule(self.ops, self.grid.current))


def describe(timer: Timer, next_runs: Sequence[Coming]) -> Iterator[str]:
    """Yield all fields of a schedule, one on each line, and its next runs."""
    now = datetime.now(timezone.utc)
    for column in view.schedule_columns(now):
        text = column.cell(timer).text
        if text:
            yield f"{column.title:<10} {text}"
    fields = {"RULE": timer.cron, "ZONE": timer.timezone if timer.cron else None, "CATCH-UP": timer.catch_up}
    fields |= {
        "RUNS": None if timer.runs is None else str(timer.runs),
        "LAST JOB": timer.last_job,
        "FROM": timer.source,
    }
    yield from (f"{title:<10} {escape_line(text)}" for title, text in fields.items() if text)
    if timer.payload is not None:
        yield f"{'PAYLOAD':<10} {escape_line(redact(timer.payload))}"
    yield ""
    yield "Next runs:" if next_runs else "No next run is known."
    yield from (f"  {view.local_time(run.at, now)}" for run in next_runs)
