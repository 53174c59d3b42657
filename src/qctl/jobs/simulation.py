"""The job of the queue `simulation`: it takes some time and does nothing, in the place of work that is not written yet.

It is the default job of the profile `queuecraft`, whose original simulates all jobs.
"""

from __future__ import annotations

import time
from typing import Any

from qctl.broker.worker import job_context
from qctl.errors import QctlError
from qctl.jobs.batches import settings

STEP_SECONDS = 0.5
"""Time (s) between two reports of progress."""


class SimulatedFailureError(QctlError):
    """The name of a simulated job asks for a failure."""


def simulate(name: str, data: dict[str, Any] | None = None) -> dict[str, Any]:  # noqa: ARG001 - names any job's data
    """Take QCTL_SIMULATED_SECONDS. Returns the name.

    Raises SimulatedFailureError if the name contains `fail`, in half of that time.
    """
    fails = "fail" in name.lower()
    seconds = settings().simulated_seconds / (2 if fails else 1)
    ends = time.monotonic() + seconds
    while (left := ends - time.monotonic()) > 0:
        job_context.progress(round(100 * (1 - left / seconds)), 100, "simulated")
        time.sleep(min(STEP_SECONDS, left))
    if fails:
        raise SimulatedFailureError(f"simulated failure of {name!r:.80}: its name contains 'fail'")
    return {"name": name, "seconds": settings().simulated_seconds}
