"""Waits for jobs to end. It only reads, so that a user with read-only access can wait too."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from redis import Redis

from qctl.broker.redis import keys, replies, untrusted_fields

POLL_SECONDS = 0.1
"""Time between two polls."""

JOBS_PER_READ = 500

END_STATUSES = frozenset({"finished", "failed", "stopped", "canceled", "gone"})
"""Statuses that a job does not leave by itself. A job that is gone had ended, and its result was not kept."""


@dataclass(frozen=True)
class JobStatus:
    """A job's state by its hash; `status` is `gone` if there is no hash. `failures` grows with each ended attempt."""

    queue: str
    status: str
    failures: int


def read_statuses(connection: Redis, ids: Sequence[str]) -> dict[str, JobStatus]:
    """Return the current status of these jobs."""
    statuses: dict[str, JobStatus] = {}
    for start in range(0, len(ids), JOBS_PER_READ):
        page = ids[start : start + JOBS_PER_READ]
        with connection.pipeline(transaction=False) as pipe:
            for id_ in page:
                pipe.hmget(keys.job(id_), "status", "origin")
                pipe.xlen(keys.results(id_))
            answers = replies.execute(pipe)
        for id_, fields, results in zip(page, answers[::2], answers[1::2], strict=True):
            status, queue = map(untrusted_fields.decode, replies.field_values(fields, 2))
            statuses[id_] = JobStatus(queue, status or "gone", replies.integer(results))
    return statuses


def wait_until(
    connection: Redis, ids: Sequence[str], timeout: float, has_ended: Callable[[str, JobStatus], bool]
) -> tuple[dict[str, JobStatus], float]:
    """Poll until `has_ended` is true of each job, or `timeout` seconds have passed.

    Returns the statuses, and the seconds it took. Raises redis-py's exceptions.
    """
    began = time.monotonic()
    pending, statuses = list(ids), {}
    while True:
        statuses.update(read_statuses(connection, pending))
        pending = [id_ for id_ in pending if not has_ended(id_, statuses[id_])]
        elapsed = time.monotonic() - began
        if not pending or elapsed >= timeout:
            return statuses, elapsed
        time.sleep(min(POLL_SECONDS, timeout - elapsed))
