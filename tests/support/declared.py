"""Jobs as somebody who uses qctl declares them, for tests: `QCTL_JOBS_MODULES=support.declared`."""

from __future__ import annotations

import time
from typing import Any

from qctl import job
from qctl.broker.worker import job_context
from qctl.service import QueueService


@job("hand-on", queue="tests", isolation="inline")
def hand_on(receiverId: str) -> str:
    """Enqueue another job, and tell how far it is."""
    for done in range(3):
        job_context.progress(done, 2, "rows")
    with QueueService() as service:
        service.notify(receiverId=receiverId, text="done")
    return job_context.job_id() or ""


@job("simulate", queue="tests", isolation="inline", retries=3, backoff=1)
def simulate(name: str, data: dict[str, Any] | None = None) -> str:
    """What a user of the gateway wants done, whatever it is called. It fails where its name says so."""
    time.sleep((data or {}).get("seconds", 0.0))
    if "fail" in name.lower():
        raise RuntimeError(name)
    return name
