"""Page 3, Jobs: jobs of all queues and states, a part at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from qctl import conditions, view
from qctl.conditions import Condition
from qctl.errors import UsageError
from qctl.models import DEAD_STATES, STATES, JobRow, Jobs, Selector
from qctl.tui import actions
from qctl.tui.data.monitor_data import MonitorData
from qctl.tui.detail_page import DetailPage
from qctl.tui.host import Host
from qctl.tui.job_text import read_job
from qctl.tui.page import TablePage
from qctl.tui.widgets.choice_dialog import ChoiceDialog
from qctl.tui.widgets.grid import Grid, GridSpec
from qctl.tui.widgets.prompt import PromptRequest, complete_by_prefix
from qctl.view import Cell

MAX_JOBS = 200
"""Jobs shown at a time; `n` and `b` show the others."""

MAX_SCANNED_JOBS = 10_000
"""Jobs that are scanned to find those that a selector means."""


class JobsPage(TablePage, DetailPage):
    """Jobs in the order of their queues and states. `n` and `b` show the next and the previous part."""

    digit = "3"
    heading = "Jobs"
    short = "Job"
    spec = GridSpec(
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

    DEFAULT_CSS = """
    JobsPage > #part { height: 1; padding: 0 2; color: $text-muted; }
    JobsPage Grid { width: 1fr; }
    """

    def __init__(self, host: Host, **options: Any) -> None:
        super().__init__(host, **options)
        self._offset = 0
        self._has_more = False
        self._condition = ""
        """Text of the condition that jobs must meet, empty for none."""
        self._where: Condition | None = None

    def compose(self) -> ComposeResult:
        """Place the table, and a line that says which part it shows."""
        yield from self.beside(Grid(self.spec, title="Jobs"))
        yield Static(id="part")

    def read(self, data: MonitorData) -> Jobs:
        """Read one part."""
        selector = replace(self.selector, scan=MAX_SCANNED_JOBS, where=self._where)
        required = conditions.required(self._where, "state") if self._where else None
        if required and not selector.states and set(required) <= set(STATES):
            selector = replace(selector, states=tuple(state for state in STATES if state in required))
        return data.jobs.list(selector, offset=self._offset, limit=MAX_JOBS)

    def restrict(self, selector: Selector) -> None:
        """Show only the jobs that `selector` selects, from the first."""
        if selector != self.selector:
            self._offset = 0
        super().restrict(selector)

    def rows(self, data: Jobs) -> Sequence[JobRow]:
        """The jobs that were read."""
        return data.rows

    def present(self, data: Jobs, now: datetime) -> None:
        """Fill the table, and say which part it shows."""
        super().present(data, now)
        last = self._offset + len(data.rows)
        self._has_more = last < data.total
        self.refresh_detail()
        self.grid.set_title("Jobs", f"where {self._condition}" if self._condition else "")
        part = f"{self._offset + 1}-{last} of {data.total}   (n, b: other pages)"
        self.query_one("#part", Static).update(Content(part if data.total > len(data.rows) else ""))

    def do_filter(self) -> None:
        """Ask for a condition of the filter language, which all jobs are searched by, or a text that rows contain."""
        names = complete_by_prefix([job.id for job in self.grid.rows])
        self.host.prompt(
            PromptRequest(
                "/",
                'state=failed and name~"send" and age>1h, or a text that rows contain; !text: that do not',
                self._filter,
                self._condition or self.grid.filter_text,
                lambda line: self.grid.set_filter("" if _is_condition(line) else line),
                lambda line: next(iter(conditions.complete(line)), None) or names(line),
            )
        )

    def _filter(self, line: str) -> None:
        """Search by a condition, or show the rows that contain a text. A mistake changes nothing."""
        try:
            where = conditions.parse(line, "filter") if _is_condition(line) else None
        except UsageError as error:
            self.host.show_status(error.message)
            return
        self.grid.set_filter("" if where else line)
        self._set_condition(where, line if where else "")
        self.host.show_status(f"filter: {line}   (Esc clears it)" if line else "")

    def _set_condition(self, where: Condition | None, text: str) -> None:
        if where != self._where:
            self._offset = 0
            self._where, self._condition = where, text
            self.post_message(self.ReloadRequested())

    def clear_filter(self) -> bool:
        """Show all jobs again."""
        had_condition = self._where is not None
        self._set_condition(None, "")
        return super().clear_filter() or had_condition

    def do_next(self) -> None:
        """Show the next part."""
        if self._has_more:
            self._show_part(self._offset + MAX_JOBS)

    def do_back(self) -> None:
        """Show the previous part."""
        self._show_part(max(0, self._offset - MAX_JOBS))

    def _show_part(self, offset: int) -> None:
        self._offset = offset
        self.post_message(self.ReloadRequested())

    def open_row(self, row: JobRow) -> None:
        """Show a job in full."""
        self.open_detail(row)

    def detail_title(self, row: JobRow) -> str:
        """The id of the job."""
        return f"job {row.id}"

    def detail(self, data: MonitorData, row: JobRow, now: datetime) -> Sequence[Cell]:
        """Read the job, and why it does not run."""
        return read_job(data, row.id, now)

    def do_retry(self) -> None:
        """Retry the selected dead letters and canceled jobs."""
        jobs = [job for job in self.grid.selected if job.state in (*DEAD_STATES, "canceled")]
        if jobs:
            self.ask_retry(*_selection(jobs))
        else:
            self.host.show_status("only dead letters and canceled jobs can be retried")

    def do_discard(self) -> None:
        """Move the selected jobs to the trash."""
        if self.grid.selected:
            self.confirm(actions.discard(self.ops, *_selection(self.grid.selected), verb="delete"))

    def do_cancel(self) -> None:
        """Cancel the selected jobs."""
        if self.grid.selected:
            self.confirm(actions.cancel(self.ops, *_selection(self.grid.selected)))

    def do_flow(self) -> None:
        """Ask whether to retry or cancel the job with all that depend on it."""
        job = self.grid.current
        if job is None:
            return
        acts = {"Retry flow": actions.retry_flow, "Cancel flow": actions.cancel_flow}

        def close(name: str | None) -> None:
            if name is not None:
                self.confirm(acts[name](self.ops, job.id))

        self.app.push_screen(ChoiceDialog(job.id, list(acts), ""), close)

    def do_move(self) -> None:
        """Move the selected jobs to another queue."""
        if self.grid.selected:
            self.ask_target(*_selection(self.grid.selected))

    def do_edit(self) -> None:
        """Edit the payload of the job; a dead letter is then retried."""
        job = self.grid.current
        if job is not None:
            self.edit_payload(job.id, retry=job.state in DEAD_STATES)

    def do_kill(self) -> None:
        """Stop the running job."""
        job = self.grid.current
        if job is None:
            return
        if job.state == "started":
            self.confirm(actions.stop(self.ops, job.id, job.queue))
        else:
            self.host.show_status(f"{job.id} is not running: it is {job.state}")

    def do_logs(self) -> None:
        """Show the history of the job."""
        job = self.grid.current
        if job is not None:
            self.show_history(job.id)


def _is_condition(line: str) -> bool:
    """Tell a condition from a text that rows contain."""
    return any(sign in line for sign in "=~<>")


def _selection(jobs: Sequence[JobRow]) -> tuple[Selector, int]:
    """A selector of these jobs, and their number."""
    return Selector(ids=tuple(job.id for job in jobs)), len(jobs)
