"""Estimates which jobs wait in a queue, by name, from a sample. Writes nothing, and unpickles nothing."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from redis import Redis

from qctl import catalog
from qctl.broker.query import job_locations, job_summary
from qctl.broker.query.job_locations import JobEntry
from qctl.broker.redis import keys, replies

SAMPLE_JOBS = 500
"""Jobs of a queue that are read."""

SAMPLE_RANGES = 10
"""Ranges of a queue, spread evenly, from which the sample is taken. Each costs one command at any depth."""


@dataclass(frozen=True)
class Sample:
    """Estimated number of waiting jobs by name; `seen` jobs of all `waiting` were read."""

    names: dict[str, int]
    seen: int
    waiting: int


def sample_waiting(connection: Redis, queue: str) -> Sample:
    """Read a sample of the jobs that wait in a queue."""
    depth = job_locations.sizes(connection, [(queue, "queued")])[0]
    ids = _ids(connection, queue, depth)
    pages = job_summary.read(connection, queue, "queued", [JobEntry(id_) for id_ in ids])
    counts = Counter(catalog.name_of(job.function) or "?" for page in pages for job in page)
    share = depth / len(ids) if ids else 0
    return Sample({name: round(count * share) for name, count in counts.items()}, len(ids), depth)


def _ids(connection: Redis, queue: str, depth: int) -> list[bytes]:
    """Return ids from `SAMPLE_RANGES` ranges of a queue, all of its ids if they are few."""
    if depth <= SAMPLE_JOBS:
        starts, length = [0], SAMPLE_JOBS
    else:
        length = SAMPLE_JOBS // SAMPLE_RANGES
        starts = [(depth - length) * n // (SAMPLE_RANGES - 1) for n in range(SAMPLE_RANGES)]
    with connection.pipeline(transaction=False) as pipe:
        for start in starts:
            pipe.lrange(keys.queue(queue), start, start + length - 1)
        ranges = replies.execute(pipe)
    return list(dict.fromkeys(id_ for ids in ranges for id_ in replies.bytes_list(ids)))
