"""All about a job, as in `qctl job show` and `qctl job explain`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from qctl import view
from qctl.errors import QctlError
from qctl.models import JobDetail
from qctl.tui.data.monitor_data import MonitorData
from qctl.view import Cell


def read_job(data: MonitorData, job_id: str, now: datetime) -> Sequence[Cell]:
    """Read why a job does not run, and its details. Raises QctlError if it cannot be read."""
    job = data.jobs.show(job_id)
    details = [*view.job_details(job, now), *(_read_tree(data, job) if job.dependencies or job.dependents else [])]
    try:
        reasons = view.explanation(data.explain.job(job_id), now)
    except QctlError as error:
        reasons = [Cell(error.message, "dim")]  # the job has just ended, or a recording does not hold it
    return [*reasons, Cell(""), *details]


def _read_tree(data: MonitorData, job: JobDetail) -> Sequence[Cell]:
    """Read and draw the jobs that this one waits for and those that wait for it; nothing if they cannot be read."""
    try:
        return view.flow_tree(data.flows.show(job.id))
    except QctlError:
        return []  # it has just ended, or a recording does not hold them
