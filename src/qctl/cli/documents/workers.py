"""Documents about workers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from qctl.cli.documents.document import Document, seconds, time

if TYPE_CHECKING:
    from qctl.cli.documents.document import Record
    from qctl.errors import QctlError
    from qctl.models import QuietResult, StopResult, WorkerInfo

_FIELDS = (
    *("name", "queues", "state", "host", "pid", "current_job", "last_heartbeat", "honours_pause", "started_at"),
    *("job_function", "job_since", "memory", "finished", "failed", "worked_seconds", "quiet"),
)
_COLUMNS = (*_FIELDS[:-1], "quiet.by", "quiet.at")


def workers(found: Sequence[WorkerInfo]) -> Document:
    """`qctl worker list`."""
    return Document("qctl.worker.list/1", "name", _COLUMNS, {}, "workers", [_worker(one) for one in found])


def worker(one: WorkerInfo) -> Document:
    """`qctl worker show`."""
    return Document("qctl.worker.show/1", "name", _COLUMNS, _worker(one))


def _worker(one: WorkerInfo) -> Record:
    quiet = one.quiet
    values = (
        *(one.name, one.queues, one.state, one.host, one.pid, one.current_job, time(one.last_heartbeat)),
        *(one.honours_pause, time(one.started_at), one.job_function or None, time(one.job_since), one.memory),
        *(one.finished, one.failed, seconds(one.worked)),
        {"by": quiet.by, "at": time(quiet.at)} if quiet else None,
    )
    return dict(zip(_FIELDS, values, strict=True))


def hushed(results: Sequence[QuietResult], failures: Sequence[tuple[str, QctlError]], verb: str) -> Document:
    """`qctl worker quiet` and `qctl worker resume`."""
    rows: list[Record] = [
        {
            "name": one.worker.name,
            "quiet": one.quiet,
            "changed": one.changed,
            "job": one.worker.current_job,
            "error": None,
        }
        for one in results
    ]
    rows += [
        {"name": name, "quiet": None, "changed": False, "job": None, "error": error.message} for name, error in failures
    ]
    return Document(f"qctl.worker.{verb}/1", "name", ("name", "quiet", "changed", "job", "error"), {}, "workers", rows)


def stopped(results: Sequence[StopResult], failures: Sequence[tuple[str, QctlError]]) -> Document:
    """`qctl worker stop`."""
    columns = ("name", "gone", "now", "waited_seconds", "error")
    rows: list[Record] = [
        {
            "name": one.worker.name,
            "gone": one.gone,
            "now": one.now,
            "waited_seconds": seconds(one.waited),
            "error": None,
        }
        for one in results
    ]
    rows += [
        {"name": name, "gone": False, "now": False, "waited_seconds": None, "error": error.message}
        for name, error in failures
    ]
    return Document("qctl.worker.stop/1", "name", columns, {}, "workers", rows)
