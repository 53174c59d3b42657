"""What log lines of jobs carry beside their text."""

from __future__ import annotations

from qctl.broker.execution import running


def of(event: str) -> dict[str, str | None]:
    """The `extra` of a line: what happened, in which job, of which trace and whose."""
    return {"event": event, "jobId": running.job_id(), "traceId": running.trace(), "userId": running.owner()}
