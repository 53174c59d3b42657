"""RQ, whose workers and qctl's run the same jobs: the verbs; `fill` enqueues many at once, and
`nap COUNT` as many jobs that take a millisecond."""

from __future__ import annotations

import os
import sys

import verbs
from redis import Redis
from rq.queue import Queue
from rq.serializers import JSONSerializer


def fill(queue: Queue, count: int, name: str) -> None:
    """Enqueue that many of this function."""
    for start in range(0, count, 500):
        queue.enqueue_many([Queue.prepare_data(name) for _ in range(start, min(count, start + 500))])


if __name__ == "__main__":
    bench = Queue("bench", connection=Redis.from_url(os.environ["BENCH_REDIS"]), serializer=JSONSerializer)
    if sys.argv[1] in ("fill", "nap"):
        fill(bench, int(sys.argv[2]), "noop.noop" if sys.argv[1] == "fill" else "noop.nap")
    else:
        verbs.run(lambda: bench.enqueue("noop.noop"), lambda seconds: bench.enqueue("timed.report_start", seconds))
