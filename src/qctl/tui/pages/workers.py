"""6 Workers and daemons."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from textual.app import ComposeResult

from qctl import view
from qctl.errors import QctlError
from qctl.models import Daemon, WorkerInfo
from qctl.tui.data.monitor_data import MonitorData
from qctl.tui.page import GridPage, heading
from qctl.tui.widgets.dialogs import Sheet
from qctl.tui.widgets.grid import Grid, Source

LINES = 200
"""Lines of a daemon's log that are shown."""

WORKERS = Source(
    view.worker_columns,
    lambda worker: worker.name,
    "No workers. Start one with `qctl-worker QUEUE`, or all with `qctl up`.",
    {
        "WORKER": lambda worker: worker.name,
        "STATE": lambda worker: worker.state,
        "HOST": lambda worker: worker.host,
    },
)

DAEMONS = Source(
    view.daemon_columns,
    lambda daemon: daemon.unit,
    "No units of qctl. Write them with `qctl daemon install`, or run everything with `qctl up`.",
    {
        "DAEMON": lambda daemon: daemon.name,
        "STATE": lambda daemon: daemon.active,
        "FOR": lambda daemon: daemon.since,
        "RESTARTS": lambda daemon: daemon.restarts,
    },
    frozenset({"RESTARTS"}),
)


@dataclass(frozen=True)
class Picture:
    """What the screen shows. `why` there are no daemons to be seen, where that is no matter of units."""

    workers: Sequence[WorkerInfo]
    daemons: Sequence[Daemon]
    why: str | None = None


class WorkersPage(GridPage):
    """Every worker that lives, and the daemons of the machine on which one looks."""

    digit = "6"
    heading = "Workers"
    DEFAULT_CSS = """
    WorkersPage > #workers { height: 3fr; min-height: 3; }
    WorkersPage > #daemons { height: 2fr; min-height: 2; }
    WorkersPage > #daemons.none { height: 2; }
    """

    main = "#workers"

    def compose(self) -> ComposeResult:
        """Two tables."""
        yield Grid(WORKERS, id="workers")
        yield heading("Daemons of this machine")
        yield Grid(DAEMONS, id="daemons")

    def read(self, data: MonitorData) -> Picture:
        """One reading, and what systemd said last."""
        workers = data.workers.list(self.only.queue)
        try:
            return Picture(workers, data.daemons.list())
        except QctlError as error:
            return Picture(workers, (), f"{error.message}: {error.hint}" if error.hint else error.message)

    def present(self, data: Picture, now: datetime) -> None:
        """Fill both tables."""
        self.query_one("#workers", Grid).fill(data.workers, now)
        daemons = self.query_one("#daemons", Grid)
        daemons.set_class(not data.daemons, "none")
        daemons.fill(data.daemons, now, data.why)

    def do_logs(self) -> None:
        """What a daemon logged; of a worker where its process writes that, for qctl keeps no logs."""
        row = self.grid.current
        if isinstance(row, Daemon):
            self.host.command(f"daemon logs {shlex.quote(row.name)} --lines {LINES}")
        elif row is not None:
            self.app.push_screen(Sheet(f"logs of {row.name}", logs(row)))


def logs(worker: WorkerInfo) -> str:
    """What to run to read them."""
    pid = f" _PID={worker.pid}" if worker.pid is not None else " -u 'qctl-*'"
    return f"""Workers write their log to their standard output, and qctl does not keep it.
Where it went depends on who started it.

On {worker.host}, as process {view.NO_VALUE if worker.pid is None else worker.pid}:

  systemd        journalctl{pid} --since today, or `qctl daemon logs NAME`
  qctl up        the terminal in which it runs: it merges all logs, each line with the name of its daemon
  a container    docker logs CONTAINER, kubectl logs POD

What it does now: qctl worker show {shlex.quote(worker.name)}
What happened to its jobs is on screen 9, where / finds its name.
"""
