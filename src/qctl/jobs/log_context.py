"""What log lines of jobs carry beside their text."""

from __future__ import annotations

from qctl.broker.worker import job_context


def of(event: str) -> dict[str, str | None]:
    """The `extra` of a line: what happened, in which job, of which trace and whose."""
    return {
        "event": event,
        "jobId": job_context.job_id(),
        "traceId": job_context.trace(),
        "userId": job_context.owner(),
    }
