"""Which jobs wait in a queue, by name, from a sample. Writes nothing, and unpickles nothing."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from redis import Redis

from qctl import catalog
from qctl.broker.query import job_locations, job_summary
from qctl.broker.query.job_locations import Found
from qctl.broker.redis import keys, replies

SAMPLE = 500
"""Jobs of a queue that are looked at."""

RUNS = 10
"""Places of a queue from which the sample is taken, evenly: each is one look, whatever its depth."""


@dataclass(frozen=True)
class Sample:
    """How many waiting jobs of each name there are, estimated; of all `waiting`, `seen` were looked at."""

    names: dict[str, int]
    seen: int
    waiting: int


def waiting(connection: Redis, queue: str) -> Sample:
    """Look at some of the jobs that wait in a queue."""
    depth = job_locations.sizes(connection, [(queue, "queued")])[0]
    ids = _ids(connection, queue, depth)
    read = job_summary.read(connection, queue, "queued", [Found(id_) for id_ in ids])
    seen = Counter(catalog.name_of(each.function) or "?" for step in read for each in step)
    share = depth / len(ids) if ids else 0
    return Sample({name: round(count * share) for name, count in seen.items()}, len(ids), depth)


def _ids(connection: Redis, queue: str, depth: int) -> list[bytes]:
    """Ids from `RUNS` places of a queue, all of them where there are few."""
    if depth <= SAMPLE:
        starts, length = [0], SAMPLE
    else:
        length = SAMPLE // RUNS
        starts = [(depth - length) * n // (RUNS - 1) for n in range(RUNS)]
    with connection.pipeline(transaction=False) as pipe:
        for start in starts:
            pipe.lrange(keys.queue(queue), start, start + length - 1)
        found = replies.execute(pipe)
    return list(dict.fromkeys(id_ for part in found for id_ in replies.granted(part, [])))
