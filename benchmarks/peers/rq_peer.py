"""RQ, whose workers and qctl's run the same jobs: `fill COUNT`."""

from __future__ import annotations

import os
import sys

from redis import Redis
from rq.queue import Queue
from rq.serializers import JSONSerializer

if __name__ == "__main__":
    count = int(sys.argv[2])
    queue = Queue("bench", connection=Redis.from_url(os.environ["BENCH_REDIS"]), serializer=JSONSerializer)
    for start in range(0, count, 500):
        queue.enqueue_many([Queue.prepare_data("noop.noop") for _ in range(start, min(count, start + 500))])
