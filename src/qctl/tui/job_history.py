"""History of a job as text: its attempts, its events, and how to find its log lines."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from datetime import datetime, timezone

from qctl import view
from qctl.models import JobDetail
from qctl.safe import escape_line, redact


def describe(job: JobDetail) -> str:
    """The history of a job, with secrets redacted."""
    return redact("\n".join(_lines(job, datetime.now(timezone.utc))))


def _lines(job: JobDetail, now: datetime) -> Iterator[str]:
    yield "Attempts" if job.attempts else "No attempts are known: the job has not run, or RQ has deleted them."
    for attempt in job.attempts:
        at = view.local_time(attempt.at, now) if attempt.at else view.NO_VALUE
        yield f"  {at}  {attempt.outcome:<10} {attempt.worker or view.NO_VALUE}  {attempt.error}"
    yield ""
    if job.dependencies or job.dependents:
        yield "Dependencies"
        yield from (f"  waits for    {line}" for line in _related(job, job.dependencies))
        yield from (f"  waits for it {line}" for line in _related(job, job.dependents))
        yield ""
    yield "Events" if job.timeline else "The stream holds no events of this job."
    yield from (f"  {view.event_line(event, now).text}" for event in job.timeline)
    yield ""
    yield f"The last lines of each run: qctl job logs {shlex.quote(job.id)}. All of a qctl worker name their job:"
    yield f"  journalctl -u 'qctl-*' --since today | grep {shlex.quote(job.trace or job.id)}"
    yield "  or see `qctl daemon logs NAME`, the terminal of `qctl up`, `docker logs`, `kubectl logs`."


def _related(job: JobDetail, ids: Sequence[str]) -> Iterator[str]:
    return (escape_line(view.relatives(job, [id_])) for id_ in ids)
