"""Page 5, Schedules: does everything run when it should? Schedules with their last runs, and jobs due later."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from textual.app import ComposeResult

from qctl import view
from qctl.models import Timer, Timers
from qctl.tui import actions
from qctl.tui.data.monitor_data import MonitorData
from qctl.tui.detail_page import DetailPage
from qctl.tui.widgets.grid import Grid, GridSpec
from qctl.tui.widgets.schedule_forms import edit_schedule_form, new_schedule_form
from qctl.view import Cell

MAX_DELAYED_JOBS = 200
"""Jobs due later that are read besides all schedules; the others are counted."""

NEXT_RUNS = 5
"""Next runs of a schedule that are listed."""

DELAYED_KINDS = frozenset({"repeat", "retry", "once"})
"""Kinds of timers that are jobs; the others are schedules."""

SCHEDULES = GridSpec(
    view.schedule_columns,
    lambda timer: timer.name,
    "No schedules. a adds one, as does: qctl schedule add NAME JOB --every 1h",
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

DELAYED = GridSpec(
    view.delayed_columns,
    lambda timer: timer.name,
    "No delayed jobs: those with a delay, and retries that wait, would be here.",
    {
        "DUE": lambda timer: timer.next_at,
        "JOB": lambda timer: timer.job,
        "QUEUE": lambda timer: timer.queue,
        "KIND": lambda timer: timer.kind,
    },
)


class SchedulesPage(DetailPage):
    """Schedules of qctl and of stock schedulers, and below them RQ's jobs that are due later."""

    digit = "5"
    heading = "Schedules"
    short = "Sch"
    main = "#schedules"
    DEFAULT_CSS = """
    SchedulesPage > Horizontal { height: 3fr; min-height: 3; }
    SchedulesPage #schedules { width: 1fr; height: 1fr; }
    SchedulesPage > #delayed { height: 2fr; min-height: 3; }
    SchedulesPage > #delayed.none { height: 3; }
    """

    def compose(self) -> ComposeResult:
        """Place two tables, and the pane about a row."""
        yield from self.beside(Grid(SCHEDULES, id="schedules", title="Schedules"))
        yield Grid(DELAYED, id="delayed", title="Delayed jobs")

    def read(self, data: MonitorData) -> Timers:
        """Read all schedules, and the jobs that are due first."""
        return data.schedules.list(queue=self.selector.queue, limit=MAX_DELAYED_JOBS)

    def present(self, data: Timers, now: datetime) -> None:
        """Fill both tables, and count the jobs that are not in them."""
        delayed = [timer for timer in data.rows if timer.kind in DELAYED_KINDS]
        more = data.total - len(data.rows)
        schedules, jobs = self.query_one("#schedules", Grid), self.query_one("#delayed", Grid)
        schedules.fill([timer for timer in data.rows if timer.kind not in DELAYED_KINDS], now)
        schedules.set_title("Schedules", view.RUN_LEGEND if schedules.rows else "")
        jobs.set_class(not delayed, "none")
        jobs.fill(delayed, now)
        jobs.set_title(
            f"Delayed jobs {len(delayed) + more}", f"{view.quantity(more, 'later job')} not shown" * (more > 0)
        )
        self.refresh_detail()

    def detail_title(self, row: Timer) -> str:
        """The name of the schedule, or the id of the job."""
        return row.name

    def detail(self, data: MonitorData, row: Timer, now: datetime) -> Sequence[Cell]:
        """All about a schedule or a job, with its next and its last runs."""
        return list(view.schedule_details(row, data.schedules.next(names=[row.name], count=NEXT_RUNS), now))

    def open_row(self, row: Any) -> None:
        """Show a schedule or a job in full."""
        self.open_detail(row)

    def _schedule(self) -> Timer | None:
        """The schedule of the row, None with a word to the user."""
        timer: Timer | None = self.grid.current
        if timer is None or timer.kind not in DELAYED_KINDS:
            return timer
        self.host.show_status(f"{timer.name} is a job that runs at one time, not a schedule")
        return None

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

    def do_skip(self) -> None:
        """Leave out the next run of the schedule."""
        timer = self._schedule()
        if timer is not None and timer.next_at is None:
            self.host.show_status(f"{timer.name} has no next run: it is paused")
        elif timer is not None:
            self.confirm(actions.skip_run(self.ops, timer))

    def do_add(self) -> None:
        """Ask for a schedule, and add it."""
        if self.host.may_change():
            ops, queues = self.ops, self.host.depths.queues
            self.host.fetch(
                ops.jobs.offered,
                lambda jobs: self.open_dialog(*new_schedule_form(ops, sorted(jobs), queues), "New schedule"),
            )

    def do_change(self) -> None:
        """Ask for other times, arguments or policies of the schedule, or for another payload of the job."""
        timer: Timer | None = self.grid.current
        if timer is None or not self.host.may_change():
            return
        if timer.kind in DELAYED_KINDS:
            self.edit_payload(timer.name, retry=False)
            return
        ops, name = self.ops, timer.name
        self.host.fetch(
            lambda: ops.schedules.editable(name),
            lambda schedule: self.open_dialog(*edit_schedule_form(ops, schedule), f"Change {name}"),
        )

    def do_remove(self) -> None:
        """Delete the schedule, or cancel the job."""
        if self.grid.current is not None:
            self.confirm(actions.remove_schedule(self.ops, self.grid.current))
