"""3 Jobs of every queue and state, a page at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from qctl import view
from qctl.models import DEAD_STATES, JobRow, Jobs, Selector
from qctl.tui import actions
from qctl.tui.data.monitor_data import MonitorData
from qctl.tui.export import as_json
from qctl.tui.host import Host
from qctl.tui.page import TablePage
from qctl.tui.widgets.grid import Grid, Source

SHOWN = 200
"""Jobs of one page."""

LOOKED_AT = 10_000
"""Jobs that are looked at to find them."""


class JobsPage(TablePage):
    """Jobs in the order of their places, never all of them: `n` and `b` turn the pages."""

    digit = "3"
    heading = "Jobs"
    source = Source(
        view.job_columns,
        lambda job: job.id,
        "No jobs.",
        {
            "QUEUE": lambda job: job.queue,
            "STATE": lambda job: job.state,
            "SINCE": lambda job: job.since,
            "FUNCTION": lambda job: job.function,
        },
    )

    DEFAULT_CSS = "JobsPage > #part { height: 1; padding: 0 2; color: $text-muted; }"

    def __init__(self, host: Host, **options: Any) -> None:
        super().__init__(host, **options)
        self._offset = 0
        self._more = False

    def compose(self) -> ComposeResult:
        """The table, and which part of all it is."""
        yield Grid(self.source)
        yield Static(id="part")

    def read(self, data: MonitorData) -> Jobs:
        """One page."""
        return data.jobs.list(replace(self.only, scan=LOOKED_AT), offset=self._offset, limit=SHOWN)

    def narrow(self, only: Selector) -> None:
        """From the beginning."""
        if only != self.only:
            self._offset = 0
        super().narrow(only)

    def rows(self, data: Jobs) -> Sequence[JobRow]:
        """Its jobs."""
        return data.rows

    def present(self, data: Jobs, now: datetime) -> None:
        """Fill the table, and say which part of all it is."""
        super().present(data, now)
        last = self._offset + len(data.rows)
        self._more = last < data.total
        part = f"{self._offset + 1}-{last} of {data.total}   (n, b: other pages)"
        self.query_one("#part", Static).update(Content(part if data.total > len(data.rows) else ""))

    def do_next(self) -> None:
        """The next page."""
        if self._more:
            self._turn(self._offset + SHOWN)

    def do_back(self) -> None:
        """The page before."""
        self._turn(max(0, self._offset - SHOWN))

    def _turn(self, offset: int) -> None:
        self._offset = offset
        self.post_message(self.Asked())

    def open(self, row: JobRow) -> None:
        """All that is known of it."""
        self.host.show_text(f"job {row.id}", lambda: as_json(self.data.jobs.show(row.id)))

    def do_retry(self) -> None:
        """Run dead or canceled ones again."""
        jobs = [job for job in self.grid.chosen if job.state in (*DEAD_STATES, "canceled")]
        if jobs:
            self.propose(actions.retry(self.ops, *_meant(jobs)))
        else:
            self.host.show_status("only dead letters and canceled jobs are retried")

    def do_discard(self) -> None:
        """Into the trash."""
        if self.grid.chosen:
            self.propose(actions.discard(self.ops, *_meant(self.grid.chosen), verb="delete"))

    def do_cancel(self) -> None:
        """They will not run."""
        if self.grid.chosen:
            self.propose(actions.cancel(self.ops, *_meant(self.grid.chosen)))

    def do_move(self) -> None:
        """To another queue."""
        if self.grid.chosen:
            self.ask_where(*_meant(self.grid.chosen))

    def do_edit(self) -> None:
        """What it is called with; a dead one runs again with that."""
        job = self.grid.current
        if job is not None:
            self.edit(job.id, again=job.state in DEAD_STATES)

    def do_kill(self) -> None:
        """Stop it while it runs."""
        job = self.grid.current
        if job is None:
            return
        if job.state == "started":
            self.propose(actions.stop(self.ops, job.id, job.queue))
        else:
            self.host.show_status(f"{job.id} does not run: it is {job.state}")

    def do_logs(self) -> None:
        """How it went: each attempt and event."""
        job = self.grid.current
        if job is not None:
            self.look_at_course(job.id)


def _meant(jobs: Sequence[JobRow]) -> tuple[Selector, int]:
    return Selector(ids=tuple(job.id for job in jobs)), len(jobs)
