"""6 Workers and daemons."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from qctl import view
from qctl.models import WorkerInfo
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
        return ops.workers.list()
