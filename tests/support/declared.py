"""Jobs as somebody who uses qctl declares them, for tests: `QCTL_JOBS_MODULES=support.declared`."""

from __future__ import annotations

from qctl import job
from qctl.broker.execution import running
from qctl.service import QueueService


@job("hand-on", queue="tests", isolation="inline")
def hand_on(receiverId: str) -> str:
    """Enqueue another job, and tell how far it is."""
    for done in range(3):
        running.progress(done, 2, "rows")
    with QueueService() as service:
        service.notify(receiverId=receiverId, text="done")
    return running.job_id() or ""
