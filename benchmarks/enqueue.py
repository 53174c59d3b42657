"""Rate of creating jobs in bulk, by QueueService and by RQ's own `enqueue_many`:
`python benchmarks/enqueue.py [JOBS]`.

Both create the same jobs, with JSON payloads and three retries, in a redis-server of this benchmark's own with the log
always synced, as `qctl up` runs it. QueueService also checks the arguments, writes an event a job, and is safe to
send again; RQ does neither.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from statistics import median

from redis import Redis
from rq import Queue, Retry
from rq.serializers import JSONSerializer
from servers import private_redis

from qctl import QueueService

JOBS = 10_000
ROUNDS = 5
HANDLER = "qctl.jobs.notification.notify"


def measure(name: str, redis: Redis, jobs: int, create: Callable[[list[dict[str, str]]], object]) -> float:
    """Create jobs in an empty Redis, some rounds of it. Prints and returns the median rate, in jobs a second."""
    data = [{"receiverId": str(n), "text": "Your order is on its way"} for n in range(jobs)]
    times = []
    for _ in range(ROUNDS):
        redis.flushall()
        start = time.perf_counter()
        create(data)
        times.append(time.perf_counter() - start)
        assert redis.llen("rq:queue:notification") == jobs
    rate = jobs / median(times)
    print(f"{name:32} {rate:9,.0f} jobs/s, median of {ROUNDS}")
    return rate


def measure_ratio(jobs: int) -> float:
    """Measure both, one at a time, against one server. Returns how many times as fast qctl is."""
    with private_redis() as server, server.connect() as redis:
        queue = Queue("notification", connection=redis, serializer=JSONSerializer)

        def rqs(data: list[dict[str, str]]) -> None:
            retry = Retry(max=3, interval=[2, 4, 8])
            queue.enqueue_many([Queue.prepare_data(HANDLER, kwargs=each, retry=retry, timeout=60) for each in data])

        theirs = measure("rq: Queue.enqueue_many", redis, jobs, rqs)
        with QueueService(server.url) as service:
            ours = measure(
                "qctl: QueueService.enqueue_many", redis, jobs, lambda data: service.enqueue_many("notify", data)
            )
    return ours / theirs


if __name__ == "__main__":
    print(f"{measure_ratio(int(sys.argv[1]) if len(sys.argv) > 1 else JOBS):.2f} times as fast")
