"""Cost of each choice of `appendfsync`: readings, jobs created, jobs done.

    .venv/bin/python benchmarks/sync.py [--runs 5] [--count 40000]

Redis is a private one with its log, synced before each answer (`always`, as `qctl up` starts it), once a second
(`everysec`, which may lose what it answered) or when the kernel likes (`no`). The choices take turns, and of each turn
are printed: readings that one bridge commits; jobs that a producer creates one at a time, and in one call; jobs that do
nothing, by one inline worker. Each is a rate, and its ratio to `always` of the same turn.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from statistics import median

import pipeline
import workers
from servers import private_redis

from qctl import QueueService

CHOICES = ("always", "everysec", "no")

SINGLE_SHARE = 0.05
"""Share of the jobs that are also created one at a time: each waits for a sync of its own."""

WORKER = next(peer for peer in workers.PEERS if peer.name == "qctl inline")

Rates = dict[str, float]


def rates(choice: str, count: int) -> Rates:
    """All rates with one choice, in items a second."""
    readings = pipeline.run("bridge", count, "--appendfsync", choice).rate
    with private_redis("--appendfsync", choice) as server:
        single, bulk = created(server.url, count)
        with tempfile.TemporaryDirectory() as folder:
            done = workers.drain(WORKER, server.tcp_url, Path(folder), count).rate
    return {"readings": readings, "jobs created singly": single, "jobs created in bulk": bulk, "jobs done": done}


def created(url: str, count: int) -> tuple[float, float]:
    """Jobs a second that one producer creates: one at a time, and in one call."""
    data = [{"receiverId": str(n), "text": "Your order is on its way"} for n in range(count)]
    few = data[: int(count * SINGLE_SHARE)]
    with QueueService(url) as service:
        began = time.perf_counter()
        for each in few:
            service.enqueue("notify", each)
        between = time.perf_counter()
        service.enqueue_many("notify", data)
        return len(few) / (between - began), count / (time.perf_counter() - between)


def main() -> None:
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--runs", type=int, default=5)
    options.add_argument("--count", type=int, default=40_000)
    chosen = options.parse_args()
    found: dict[str, dict[str, list[float]]] = {choice: defaultdict(list) for choice in CHOICES}
    for _ in range(chosen.runs):
        for choice in CHOICES:
            for what, rate in rates(choice, chosen.count).items():
                found[choice][what].append(rate)
    print(f"medians of {chosen.runs} turns, load {os.getloadavg()[0]:.1f}")
    for what in found[CHOICES[0]]:
        for choice in CHOICES:
            pairs = zip(found[choice][what], found["always"][what], strict=True)
            ratio = median(rate / always for rate, always in pairs)
            print(f"{what:22} {choice:9} {median(found[choice][what]):9,.0f}/s  {ratio:5.2f}")


if __name__ == "__main__":
    main()
