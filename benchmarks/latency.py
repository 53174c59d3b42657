"""How soon things happen: a job on an idle worker starts, a pause holds, a killed worker's job runs again.

    .venv/bin/python benchmarks/latency.py [--runs 200] [--kills 3]

Told in milliseconds, median, 99th of a hundred and longest: from the call that enqueues until the job's first line,
for qctl's two workers and RQ's SimpleWorker; from the start of a pause until it holds while jobs run; and in seconds
from SIGKILL of a worker until its job begins anew elsewhere. On a private Redis, AOF every second.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from redis import Redis
from rq.queue import Queue
from rq.serializers import JSONSerializer
from workers import HERE, OURS, private_redis

from qctl.broker import pauses
from qctl.broker.connection import connect
from qctl.settings import Settings

COMMANDS = {
    "qctl inline": [str(OURS / "qctl-worker"), "bench", "--isolation", "inline"],
    "qctl fork": [str(OURS / "qctl-worker"), "bench", "--isolation", "fork"],
    "rq SimpleWorker": [str(OURS / "rq"), "worker", "--worker-class", "rq.worker.SimpleWorker"],
}


class Bench:
    """A queue, and workers that serve it."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self.redis = Redis.from_url(url, socket_timeout=90)
        self.processes: list[subprocess.Popen[bytes]] = []
        self.queue = Queue("bench", connection=self.redis, serializer=JSONSerializer)
        self.env = {**os.environ, "REDIS_URL": url, "QCTL_HOME": str(folder), "QCTL_ALLOWED_JOBS": "timed.*"}
        self.env |= {"PYTHONPATH": str(HERE), "BENCH_REDIS": url, "LOG_LEVEL": "warning"}

    def worker(self, name: str) -> subprocess.Popen[bytes]:
        """Start a worker and return once it has run a job."""
        more = ["--serializer", "json", "--quiet", "--url", self.url, "bench"] if name.startswith("rq") else []
        started = self.begin([*COMMANDS[name], *more])
        self.start_of_job()
        return started

    def begin(self, command: Sequence[str]) -> subprocess.Popen[bytes]:
        """Start a program, which `end` kills."""
        self.processes.append(subprocess.Popen(command, env=self.env, cwd=HERE, stdout=subprocess.DEVNULL))
        return self.processes[-1]

    def end(self) -> None:
        """Kill whatever runs, and forget what it did."""
        for process in self.processes:
            process.kill()
            process.wait()
        self.processes.clear()
        self.redis.flushall()

    def start_of_job(self, seconds: float = 0.0) -> float:
        """Enqueue a job and wait until it has begun. Returns how long that took, in seconds."""
        before = time.time()
        self.queue.enqueue("timed.tell", seconds)
        return self.beginning() - before

    def beginning(self) -> float:
        """When the next job to begin begins, by the clock that all of this machine share."""
        answer = self.redis.blpop(["began"], timeout=60)
        assert answer, "no job began"
        return float(answer[1])


def show(what: str, found: Sequence[float], unit: float = 1000.0) -> None:
    """Print it in thousandths, or in whole seconds."""
    ordered = sorted(each * unit for each in found)
    p99 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
    print(f"  {what:40} {median(ordered):8.2f} {p99:8.2f} {ordered[-1]:8.2f}")


def pause(bench: Bench, settings: Settings, runs: int) -> list[float]:
    """How long it took until the queue held, each time while jobs ran."""
    took = []
    with connect(settings) as redis:
        for _ in range(runs):
            bench.queue.enqueue_many([Queue.prepare_data("timed.tell", (0.0,)) for _ in range(20)])
            began = time.perf_counter()
            pauses.settle(redis, pauses.hold(redis, "bench", actor="bench"), 10)
            took.append(time.perf_counter() - began)
            pauses.release(redis, "bench", actor="bench")
            for _ in range(20):
                bench.beginning()
    return took


def kill(bench: Bench, kills: int) -> list[float]:
    """How long it took until a killed worker's job began on another."""
    took = []
    for _ in range(kills):
        victim = bench.worker("qctl inline")
        bench.start_of_job(30.0)
        bench.begin(COMMANDS["qctl inline"])
        time.sleep(3.0)
        victim.kill()
        killed = time.time()
        took.append(bench.beginning() - killed)
        bench.end()
    return took


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--kills", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, private_redis(Path(name)) as url:
        bench = Bench(url, Path(name))
        settings = Settings.load(environ={"REDIS_URL": url, "QCTL_HOME": name})
        print(f"{sys.platform}, load {os.getloadavg()[0]:.1f}{'median':>28} {'p99':>8} {'most':>8}")
        try:
            for worker in COMMANDS:
                bench.worker(worker)
                show(f"enqueue to start, {worker} (ms)", [bench.start_of_job() for _ in range(options.runs)])
                if worker == "qctl inline":
                    show("pause to effect (ms)", pause(bench, settings, options.runs // 4))
                bench.end()
            show("kill to the job's second start (s)", kill(bench, options.kills), unit=1.0)
        finally:
            bench.end()


if __name__ == "__main__":
    main()
