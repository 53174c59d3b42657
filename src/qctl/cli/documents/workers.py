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
    *("silent", "lease_until", "pace", "job_queue", "job_timeout_seconds", "job_usual_seconds", "cpu"),
)
_COLUMNS = tuple(column for field in _FIELDS for column in (("quiet.by", "quiet.at") if field == "quiet" else (field,)))


def worker_list(workers: Sequence[WorkerInfo]) -> Document:
    """`qctl worker list`."""
    return Document("qctl.worker.list/1", "name", _COLUMNS, {}, "workers", [_worker(worker) for worker in workers])


def worker_show(worker: WorkerInfo) -> Document:
    """`qctl worker show`."""
    return Document("qctl.worker.show/1", "name", _COLUMNS, _worker(worker))


def _worker(worker: WorkerInfo) -> Record:
    quiet = worker.quiet
    values = (
        *(worker.name, worker.queues, worker.state, worker.host, worker.pid, worker.current_job),
        *(time(worker.last_heartbeat), worker.honours_pause, time(worker.started_at), worker.job_function or None),
        *(time(worker.job_since), worker.memory, worker.finished, worker.failed, seconds(worker.worked)),
        {"by": quiet.by, "at": time(quiet.at)} if quiet else None,
        *(worker.silent, time(worker.lease_until), worker.pace or None, worker.job_queue or None),
        *(seconds(worker.job_timeout), seconds(worker.job_usual), worker.cpu),
    )
    return dict(zip(_FIELDS, values, strict=True))


def worker_quiet(results: Sequence[QuietResult], failures: Sequence[tuple[str, QctlError]], verb: str) -> Document:
    """`qctl worker quiet` and `qctl worker resume`."""
    rows: list[Record] = [
        {
            "name": result.worker.name,
            "quiet": result.quiet,
            "changed": result.changed,
            "job": result.worker.current_job,
            "error": None,
        }
        for result in results
    ]
    rows += [
        {"name": name, "quiet": None, "changed": False, "job": None, "error": error.message} for name, error in failures
    ]
    return Document(f"qctl.worker.{verb}/1", "name", ("name", "quiet", "changed", "job", "error"), {}, "workers", rows)


def worker_stop(results: Sequence[StopResult], failures: Sequence[tuple[str, QctlError]]) -> Document:
    """`qctl worker stop`."""
    columns = ("name", "gone", "now", "waited_seconds", "error")
    rows: list[Record] = [
        {
            "name": result.worker.name,
            "gone": result.gone,
            "now": result.now,
            "waited_seconds": seconds(result.waited),
            "error": None,
        }
        for result in results
    ]
    rows += [
        {"name": name, "gone": False, "now": False, "waited_seconds": None, "error": error.message}
        for name, error in failures
    ]
    return Document("qctl.worker.stop/1", "name", columns, {}, "workers", rows)
