"""Jobs declared as an application does: `QCTL_JOBS_MODULES=support.declared`."""

from __future__ import annotations

import time
from typing import Any

from qctl import QueueService, job, progress
from qctl.broker.worker import job_context


@job("enqueue-another", queue="tests", isolation="inline")
def enqueue_another(receiverId: str) -> str:
    """Report progress and enqueue another job."""
    for done in range(3):
        progress(done, 2, "rows")
    with QueueService() as service:
        service.notify(receiverId=receiverId, text="done")
    return job_context.job_id() or ""


@job("simulate", queue="tests", isolation="inline", retries=3, backoff=1)
def simulate(name: str, data: dict[str, Any] | None = None) -> str:
    """The default job of gateways in tests. It fails if its name contains `fail`."""
    time.sleep((data or {}).get("seconds", 0.0))
    if "fail" in name.lower():
        raise RuntimeError(name)
    return name
