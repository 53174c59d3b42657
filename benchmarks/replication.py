"""Cost of the confirmation by replicas: `python benchmarks/replication.py [COMMITS]`.

A redis-server with two replicas on this machine, all with their logs always synced. Commits of sources with one
message and with 500, and jobs of producers one by one, with QCTL_REDIS_REPLICAS=0, 1 and 2: the median and the 99th
percentile of the time until they may be acknowledged, and how many a second one client gets done, one after the other.
Between hosts the time of the network comes on top: one exchange with a replica.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from statistics import median, quantiles

from servers import private_redis

from qctl.broker.ingest.buffer import Buffer, Commit
from qctl.broker.producer import enqueue
from qctl.broker.producer.enqueue import NewJob
from qctl.broker.redis.connection import connect
from qctl.catalog import PIPELINES
from qctl.settings import Settings
from support.replica import Replica

COMMITS = 2000

REPLICAS = 2


def measure(name: str, count: int, act: Callable[[int], object], items: int = 1) -> None:
    """Do it `count` times, and print the times."""
    times = []
    for number in range(count):
        began = time.perf_counter()
        act(number)
        times.append(time.perf_counter() - began)
    worst = quantiles(times, n=100)[98]
    rate = items * count / sum(times)
    print(f"{name:44} {median(times) * 1000:7.2f} ms {worst * 1000:7.2f} ms {rate:10,.0f}/s", flush=True)


def measure_all(url: str, replicas: int, count: int) -> None:
    """Measure each kind of promise that so many replicas confirm."""
    settings = Settings.load(environ={"REDIS_URL": url, "QCTL_REDIS_REPLICAS": str(replicas)}, dotenv=Path(os.devnull))
    with connect(settings) as client:
        client.flushall()
        buffer = Buffer(client, PIPELINES["readings"], settings)
        item = json.dumps({"received_ns": time.time_ns(), "device": "attic", "fields": {"temperature": 21.5}}).encode()
        for size in (1, 500):
            measure(
                f"replicas={replicas}  commit of {size}",
                count if size == 1 else max(100, count // 20),
                lambda _, size=size: buffer.append(Commit([item] * size)),  # type: ignore[misc]
                size,
            )

        def create(number: int) -> None:
            job = NewJob(f"job-{number}", "give", "support.jobs.give", "work", {"value": number}, timeout=60)
            enqueue.create(client, [job], actor="benchmark", retry_seconds=0.0)

        measure(f"replicas={replicas}  job of a producer", count, create)


def main() -> None:
    """Measure without a confirmation, and by one and two replicas."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else COMMITS
    print(f"{'':44} {'median':>10} {'99 %':>10} {'one client':>12}")
    with ExitStack() as running:
        primary = running.enter_context(private_redis())
        for _ in range(REPLICAS):
            folder = running.enter_context(tempfile.TemporaryDirectory(prefix="qctl-benchmark-"))
            running.enter_context(Replica(Path(folder), primary))
        for replicas in range(REPLICAS + 1):
            measure_all(primary.tcp_url, replicas, count)


if __name__ == "__main__":
    main()
