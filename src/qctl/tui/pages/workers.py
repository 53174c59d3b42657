"""6 Workers and daemons."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

from qctl import view
from qctl.models import WorkerInfo
from qctl.tui.dialogs import Sheet
from qctl.tui.grid import Source
from qctl.tui.page import TablePage

if TYPE_CHECKING:
    from qctl.ops import Ops


class WorkersPage(TablePage):
    """Every worker that lives."""

    digit = "6"
    heading = "Workers"
    source = Source(
        view.worker_columns,
        lambda worker: worker.name,
        "No workers. Start one with `qctl-worker QUEUE`, or all with `qctl up`.",
        {
            "WORKER": lambda worker: worker.name,
            "STATE": lambda worker: worker.state,
            "HOST": lambda worker: worker.host,
        },
    )

    def read(self, ops: Ops) -> Sequence[WorkerInfo]:
        """One reading."""
        return ops.workers.list(self.only.queue)

    def do_logs(self) -> None:
        """Where its process writes them: qctl keeps no logs."""
        worker = self.grid.current
        if worker is not None:
            self.app.push_screen(Sheet(f"logs of {worker.name}", logs(worker)))


def logs(worker: WorkerInfo) -> str:
    """What to run to read them."""
    pid = f" _PID={worker.pid}" if worker.pid is not None else " -u 'qctl-*'"
    return f"""Workers write their log to their standard output, and qctl does not keep it.
Where it went depends on who started it.

On {worker.host}, as process {view.NOTHING if worker.pid is None else worker.pid}:

  systemd        journalctl{pid} --since today, or `qctl daemon logs NAME`
  qctl up        the terminal in which it runs: it merges all logs, each line with the name of its daemon
  a container    docker logs CONTAINER, kubectl logs POD

What it does now: qctl worker show {shlex.quote(worker.name)}
What happened to its jobs is on screen 9, where / finds its name.
"""
