"""All about a job, as in `qctl job show` and `qctl job explain`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from qctl import view
from qctl.errors import QctlError
from qctl.tui.data.monitor_data import MonitorData
from qctl.view import Cell


def read_job(data: MonitorData, job_id: str, now: datetime) -> Sequence[Cell]:
    """Read why a job does not run, and its details. Raises QctlError if it cannot be read."""
    details = view.job_details(data.jobs.show(job_id), now)
    try:
        reasons = view.explanation(data.explain.job(job_id), now)
    except QctlError as error:
        reasons = [Cell(error.message, "dim")]  # the job has just ended, or a recording does not hold it
    return [*reasons, Cell(""), *details]
