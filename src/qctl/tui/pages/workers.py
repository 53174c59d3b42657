"""Page 6, Workers: live workers, and the daemons of this machine."""

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
from qctl.tui.page import GridPage
from qctl.tui.widgets.dialogs import TextWindow
from qctl.tui.widgets.grid import Grid, GridSpec

LOG_LINES = 200
"""Lines of a daemon's log that are shown."""

WORKERS = GridSpec(
    view.worker_columns,
    lambda worker: worker.name,
    "No workers. Start one with `qctl-worker QUEUE`, or everything with `qctl up`.",
    {
        "WORKER": lambda worker: worker.name,
        "STATE": lambda worker: worker.state,
        "HOST": lambda worker: worker.host,
    },
)

DAEMONS = GridSpec(
    view.daemon_columns,
    lambda daemon: daemon.unit,
    "No units of qctl. Install them with `qctl daemon install`, or run everything with `qctl up`.",
    {
        "DAEMON": lambda daemon: daemon.name,
        "STATE": lambda daemon: daemon.active,
        "FOR": lambda daemon: daemon.since,
        "RESTARTS": lambda daemon: daemon.restarts,
    },
    frozenset({"RESTARTS"}),
)


@dataclass(frozen=True)
class WorkersData:
    """Data of the page. `problem` says why the daemons cannot be listed, None if they can."""

    workers: Sequence[WorkerInfo]
    daemons: Sequence[Daemon]
    problem: str | None = None


class WorkersPage(GridPage):
    """All live workers, and the daemons of the machine that the monitor runs on."""

    digit = "6"
    heading = "Workers"
    short = "Wrk"
    DEFAULT_CSS = """
    WorkersPage > #workers { height: 3fr; min-height: 3; }
    WorkersPage > #daemons { height: 2fr; min-height: 2; }
    WorkersPage > #daemons.none { height: 2; }
    """

    main = "#workers"

    def compose(self) -> ComposeResult:
        """Place two tables."""
        yield Grid(WORKERS, id="workers", title="Workers")
        yield Grid(DAEMONS, id="daemons", title="Daemons of this machine")

    def read(self, data: MonitorData) -> WorkersData:
        """Read the workers, and the last answer of systemd."""
        workers = data.workers.list(self.selector.queue)
        try:
            return WorkersData(workers, data.daemons.list())
        except QctlError as error:
            return WorkersData(workers, (), f"{error.message}: {error.hint}" if error.hint else error.message)

    def present(self, data: WorkersData, now: datetime) -> None:
        """Fill both tables."""
        self.query_one("#workers", Grid).fill(data.workers, now)
        daemons = self.query_one("#daemons", Grid)
        daemons.set_class(not data.daemons, "none")
        daemons.fill(data.daemons, now, data.problem)

    def do_logs(self) -> None:
        """Show the log of a daemon; for a worker, say where its process writes it."""
        row = self.grid.current
        if isinstance(row, Daemon):
            self.host.run_command(f"daemon logs {shlex.quote(row.name)} --lines {LOG_LINES}")
        elif row is not None:
            self.app.push_screen(TextWindow(f"logs of {row.name}", find_logs(row)))


def find_logs(worker: WorkerInfo) -> str:
    """Instructions to find the log of a worker."""
    pid = f" _PID={worker.pid}" if worker.pid is not None else " -u 'qctl-*'"
    return f"""Workers write their log to standard output, and qctl does not store it.
Its place depends on how the worker was started.

On {worker.host}, as process {view.NO_VALUE if worker.pid is None else worker.pid}:

  systemd        journalctl{pid} --since today, or `qctl daemon logs NAME`
  qctl up        the terminal that runs it: all logs in one, each line with the name of its daemon
  a container    docker logs CONTAINER, kubectl logs POD

Its current job: qctl worker show {shlex.quote(worker.name)}
Events of its jobs: screen 9; / finds its name.
"""
