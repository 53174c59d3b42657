"""How a job went, as text: its attempts and events, and where to look for what it logged."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from datetime import datetime, timezone

from qctl import view
from qctl.models import JobDetail
from qctl.safe import redact


def course(job: JobDetail) -> str:
    """Each attempt and event, then what to run for its log lines: qctl keeps no logs of jobs."""
    return redact("\n".join(_lines(job, datetime.now(timezone.utc))))


def _lines(job: JobDetail, now: datetime) -> Iterator[str]:
    yield "Attempts" if job.attempts else "No attempt is known: it has not run, or RQ forgot it."
    for attempt in job.attempts:
        at = view.local_time(attempt.at, now) if attempt.at else view.NO_VALUE
        yield f"  {at}  {attempt.outcome:<10} {attempt.worker or view.NO_VALUE}  {attempt.error}"
    yield ""
    yield "Events" if job.timeline else "No event of it is in the stream any more."
    yield from (f"  {view.event_line(event, now).text}" for event in job.timeline)
    yield ""
    yield "What it logged is with its worker, and qctl does not keep it. Every line of a worker of qctl's has the id:"
    yield f"  journalctl -u 'qctl-*' --since today | grep {shlex.quote(job.trace or job.id)}"
    yield "  or look in `qctl daemon logs NAME`, in the terminal of `qctl up`, in `docker logs`, in `kubectl logs`."
