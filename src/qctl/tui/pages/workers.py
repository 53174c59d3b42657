"""Page 6, Workers: live workers, their pools, and the daemons of this machine."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from textual.app import ComposeResult

from qctl import catalog, view
from qctl.errors import QctlError
from qctl.models import Daemon, Pool, WorkerInfo
from qctl.tui import actions
from qctl.tui.data.monitor_data import MonitorData
from qctl.tui.detail_page import DetailPage
from qctl.tui.widgets.dialogs import DialogField, TextWindow
from qctl.tui.widgets.grid import Grid, GridSpec
from qctl.view import Cell

WORKER_UNIT = re.compile(r"qctl-worker@(?P<queue>[^:]+)(:\d+)?\.service")
"""Units of workers: the name of the queue, and the number of the worker from the second on."""

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

POOLS = GridSpec(
    view.pool_columns,
    lambda pool: f"{pool.host}/{pool.name} {pool.pid}",
    "No pools: qctl-worker QUEUE --workers 4 starts one.",
    {
        "POOL": lambda pool: pool.name,
        "HOST": lambda pool: pool.host,
        "RUNNING": lambda pool: pool.running,
        "CHANGED": lambda pool: pool.changed_at,
        "ENDED": lambda pool: pool.ends,
    },
    frozenset({"RUNNING", "CHANGED", "ENDED"}),
)

POOLS_SHARE = 4
"""The pools get at most one of so many parts of the height; the others scroll."""

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
    pools: Sequence[Pool]
    daemons: Sequence[Daemon]
    problem: str | None = None


class WorkersPage(DetailPage):
    """All live workers and pools, and the daemons of the machine that the monitor runs on."""

    digit = "6"
    heading = "Workers"
    short = "Wrk"
    DEFAULT_CSS = """
    WorkersPage > Horizontal { height: 3fr; min-height: 3; }
    WorkersPage #workers { width: 1fr; height: 1fr; }
    WorkersPage > #pools { height: 4; }
    WorkersPage > #daemons { height: 2fr; min-height: 3; }
    WorkersPage > #daemons.none { height: 3; }
    """

    main = "#workers"
    _daemon_problem: str | None = None
    """The reason why the daemons of this machine cannot be listed."""

    def compose(self) -> ComposeResult:
        """Place three tables."""
        yield from self.beside(Grid(WORKERS, id="workers", title="Workers"))
        yield Grid(POOLS, id="pools", title="Pools")
        yield Grid(DAEMONS, id="daemons", title="Daemons of this machine")

    def read(self, data: MonitorData) -> WorkersData:
        """Read the workers and their pools, and the last answer of systemd."""
        workers, queue = data.workers.list(self.selector.queue), self.selector.queue
        pools = [pool for pool in data.pools.list() if queue is None or serves(pool, queue)]
        try:
            return WorkersData(workers, pools, data.daemons.list())
        except QctlError as error:
            problem = f"{error.message}: {error.hint}" if error.hint else error.message
            return WorkersData(workers, pools, (), problem)

    def present(self, data: WorkersData, now: datetime) -> None:
        """Fill the tables. Without pools theirs is hidden."""
        self.query_one("#workers", Grid).fill(data.workers, now)
        self.refresh_detail()
        pools = self.query_one("#pools", Grid)
        pools.display = bool(data.pools)
        pools.styles.height = min(len(data.pools) + 1, max(2, self.size.height // POOLS_SHARE)) + pools.gutter.height
        pools.fill(data.pools, now)
        daemons = self.query_one("#daemons", Grid)
        daemons.set_class(not data.daemons, "none")
        daemons.fill(data.daemons, now, data.problem)
        self._daemon_problem = data.problem

    def has_detail(self, row: Any) -> bool:
        """Only workers have details."""
        return isinstance(row, WorkerInfo)

    def detail_title(self, row: WorkerInfo) -> str:
        """The name of the worker."""
        return row.name

    def detail(self, _: MonitorData, row: WorkerInfo, now: datetime) -> Sequence[Cell]:
        """All about a worker; nothing more is read."""
        return view.worker_details(row, now)

    def open_row(self, row: Any) -> None:
        """Show a worker in full, or the columns of a daemon."""
        if isinstance(row, WorkerInfo):
            self.open_detail(row)
        else:
            super().open_row(row)

    def _worker(self) -> WorkerInfo | None:
        """The worker of the row, None with a word to the user."""
        row = self.grid.current
        if isinstance(row, WorkerInfo):
            return row
        if row is not None:
            self.host.show_status("choose a worker; a daemon: qctl daemon stop NAME; + scales a pool")
        return None

    def do_quiet(self) -> None:
        """Let the worker claim no new jobs, or claim them again."""
        if worker := self._worker():
            self.confirm((actions.resume_worker if worker.quiet else actions.quiet_worker)(self.ops, worker))

    def do_halt(self) -> None:
        """Stop the worker after its job."""
        if worker := self._worker():
            self.confirm(actions.stop_worker(self.ops, worker))

    def do_kill(self) -> None:
        """Stop the job of the worker."""
        worker = self._worker()
        if worker is None:
            return
        if worker.current_job:
            queue = worker.job_queue or next(iter(worker.queues), "")
            self.confirm(actions.stop(self.ops, worker.current_job, queue))
        else:
            self.host.show_status(f"{worker.name} runs no job")

    def do_scale(self) -> None:
        """Set the size of the row's pool, or the number of workers of its queue, where systemd runs them."""
        row = self.grid.current
        if row is None:
            return
        pools = [pool for pool in self.query_one("#pools", Grid).rows if has_member(pool, row)]
        if len({pool.name for pool in pools}) == 1:
            pool, ops = pools[0], self.ops
            self.open_dialog(
                lambda texts: actions.scale_pool(ops, pool, texts["size"]),
                [DialogField("size", "Size: 4, auto, bounds such as 1..4, or default:", text=pool.bounds.text)],
                f"Scale {pool.name} on {pool.host}: {pool.running} running",
            )
            return
        queue = _queue_of(row)
        if queue is None or self._daemon_problem:
            self.host.show_status(
                self._daemon_problem or f"{row.name} is no worker of one queue: qctl worker scale QUEUE N"
            )
            return
        units = [daemon for daemon in self.query_one("#daemons", Grid).rows if _queue_of(daemon) == queue]
        running = sum(daemon.active == "active" for daemon in units)
        self.open_dialog(
            lambda texts: actions.scale_workers(queue, running, texts["count"]),
            [DialogField("count", "Number of workers:", text=str(running))],
            f"Scale {queue}: {running} running",
        )

    def do_logs(self) -> None:
        """Show the log of a daemon; for a worker, say where its process writes it."""
        row = self.grid.current
        if isinstance(row, Daemon):
            self.host.run_command(f"daemon logs {shlex.quote(row.name)} --lines {LOG_LINES}")
        elif isinstance(row, Pool):
            self.host.show_status(f"choose a worker of {row.name}, or a daemon")
        elif row is not None:
            self.app.push_screen(TextWindow(f"logs of {row.name}", find_logs(row)))


def serves(pool: Pool, queue: str) -> bool:
    """Tell whether the workers of a pool listen to a queue or one of its lanes."""
    return catalog.base_queue(queue) in map(catalog.base_queue, pool.queues)


def has_member(pool: Pool, row: WorkerInfo | Daemon | Pool) -> bool:
    """Tell whether a row is this pool, or a worker that may be one of its processes: of its queues, on its host."""
    if isinstance(row, WorkerInfo):
        return row.host == pool.host and set(row.queues) == set(pool.queues)
    return row == pool


def _queue_of(row: WorkerInfo | Daemon | Pool) -> str | None:
    """The queue of a worker that listens to one queue and its lanes, or of its unit; None for any other row."""
    if isinstance(row, Daemon):
        found = WORKER_UNIT.fullmatch(row.unit)
        return found["queue"] if found else None
    queues = {catalog.base_queue(queue) for queue in row.queues}
    return queues.pop() if len(queues) == 1 else None


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
