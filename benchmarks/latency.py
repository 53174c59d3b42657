"""Latencies: start of a job on an idle worker, a pause, recovery of a killed worker's job.

    .venv/bin/python benchmarks/latency.py [--runs 200] [--kills 3] [--patience 90] [--json FILE] [WORKER ...]

Told in milliseconds, median, 99th of a hundred and longest: from the call that enqueues until the job's first line, for
qctl's two workers, RQ's and those of its peers; from the start of a pause until it holds while jobs run; and in seconds
from SIGKILL of a worker, with its children, until its job starts again on a second one. All of them are tried
at once, each with its defaults, for at most `--patience` seconds. Workers are those of `workers.py`, which installs
peers on the first run; Redis is a private one, a synced log. `monitor.py` tells how soon an event is on the screen.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from redis import Redis
from rq.queue import Queue
from rq.serializers import JSONSerializer
from servers import private_redis
from workers import HERE, PEERS, Peer

from qctl.broker.redis.connection import connect
from qctl.broker.worker import pauses
from qctl.settings import Settings

WORKERS = {peer.name: peer for peer in PEERS}

HELD = 600
"""Seconds that the job of a worker takes that is killed under it."""

ANSWER = 60.0
"""Seconds in which a worker must have come up and begun a job."""

MAX_SECONDS = 1800.0
"""Time that a peer may take to enqueue and tell."""


@dataclass
class Bench:
    """A Redis database, and the workers of one kind that serve it."""

    peer: Peer
    url: str
    folder: Path
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.redis = Redis.from_url(self.url, socket_timeout=600)
        self.env = {**os.environ, "REDIS_URL": self.url, "QCTL_HOME": str(self.folder), "LOG_LEVEL": "warning"}
        self.env |= {"QCTL_ALLOWED_JOBS": "timed.*", "PYTHONPATH": str(HERE), "BENCH_REDIS": self.url}
        self.env |= {"BENCH_DONE": str(self.folder / "done")}

    def begin(self) -> subprocess.Popen[bytes]:
        """Start a worker, which `end` kills."""
        words = [self.url if word == "$REDIS" else word for word in self.peer.command[1:]]
        command = [str(self.peer.bin / self.peer.command[0]), *words]
        quiet = subprocess.DEVNULL
        self.processes.append(
            subprocess.Popen(command, env=self.env, cwd=HERE, stdout=quiet, stderr=quiet, start_new_session=True)
        )
        return self.processes[-1]

    def ask(self, *words: str) -> list[str]:
        """Have the peer enqueue something. Returns the lines that it prints."""
        command = [str(self.peer.bin / "python"), str(HERE / f"{self.peer.module}.py"), *words]
        ran = subprocess.run(
            command, env=self.env, cwd=HERE, check=True, stdout=subprocess.PIPE, text=True, timeout=MAX_SECONDS
        )
        return ran.stdout.split()

    def beginning(self, seconds: float = ANSWER) -> float | None:
        """When the next job to begin begins, by the clock that all of this machine share."""
        answer = self.redis.blpop(["began"], timeout=seconds)
        return float(answer[1]) if answer else None

    def end(self) -> None:
        """Kill whatever runs, and forget what it did."""
        for process in self.processes:
            kill(process)
        self.processes.clear()
        self.redis.flushdb()
        self.redis.close()


def kill(process: subprocess.Popen[bytes]) -> None:
    """SIGKILL to a worker and its children."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def starts(bench: Bench, runs: int) -> list[float]:
    """Seconds from the call that enqueues until the job begins, on an idle worker."""
    bench.begin()
    return [float(line) for line in bench.ask("ask", str(runs))]


def pause(bench: Bench, settings: Settings, runs: int) -> list[float]:
    """Seconds until the queue held, each time while jobs ran."""
    took = []
    queue = Queue("bench", connection=bench.redis, serializer=JSONSerializer)
    with connect(settings) as redis:
        for _ in range(runs):
            queue.enqueue_many([Queue.prepare_data("timed.tell", (0.0,)) for _ in range(20)])
            began = time.perf_counter()
            pauses.wait_for_claims(redis, pauses.pause(redis, "bench", actor="bench"), 10)
            took.append(time.perf_counter() - began)
            pauses.resume(redis, "bench", actor="bench")
            for _ in range(20):
                bench.beginning()
    return took


def recovery(bench: Bench, patience: float) -> float | None:
    """Seconds until a killed worker's job began on another. None where it did not."""
    victim = bench.begin()
    bench.ask("hold", str(HELD))
    assert bench.beginning(), f"{bench.peer.name}: no job began"
    bench.begin()
    time.sleep(5.0)
    kill(victim)
    killed = time.time()
    again = bench.beginning(patience)
    return again - killed if again else None


def recoveries(chosen: Sequence[Peer], url: str, folder: Path, patience: float) -> dict[str, float | None]:
    """The same for all of them at once, each in a database of its own: they do little but wait."""
    benches = [Bench(peer, url.removesuffix("/0") + f"/{n}", folder) for n, peer in enumerate(chosen, 1)]
    try:
        with ThreadPoolExecutor(len(benches)) as pool:
            found = pool.map(lambda bench: recovery(bench, patience), benches)
            return {peer.name: seconds for peer, seconds in zip(chosen, found, strict=True)}
    finally:
        for bench in benches:
            bench.end()


def show(what: str, found: Sequence[float]) -> None:
    """Print it in thousandths."""
    ordered = sorted(each * 1000 for each in found)
    p99 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
    print(f"  {what:40} {median(ordered):8.2f} {p99:8.2f} {ordered[-1]:8.2f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("workers", nargs="*", choices=[[], *WORKERS], metavar="WORKER")
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--patience", type=float, default=90.0)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    chosen = [peer for name, peer in WORKERS.items() if name in (options.workers or WORKERS)]
    for peer in chosen:
        peer.install()
    begun: dict[str, list[float]] = {}
    held: list[float] = []
    again: dict[str, list[float | None]] = {peer.name: [] for peer in chosen}
    with private_redis() as server:
        url, folder = server.tcp_url, server.folder
        settings = Settings.load(environ={"REDIS_URL": url, "QCTL_HOME": str(folder)})
        print(f"{sys.platform}, load {os.getloadavg()[0]:.1f}{'median':>28} {'p99':>8} {'most':>8}")
        for peer in chosen:
            bench = Bench(peer, url, folder)
            try:
                begun[peer.name] = starts(bench, options.runs)
                show(f"enqueue to start, {peer.name} (ms)", begun[peer.name])
                if peer.name == "qctl inline":
                    held = pause(bench, settings, options.runs // 4)
                    show("pause to effect (ms)", held)
            finally:
                bench.end()
        for _ in range(options.kills):
            for each, seconds in recoveries(chosen, url, folder, options.patience).items():
                again[each].append(seconds)
        for each, tries in again.items():
            if not tries:
                continue
            times = ", ".join("never" if seconds is None else f"{seconds:.1f}" for seconds in tries)
            print(f"  kill to the job's second start, {each:16} {times} s (never: not in {options.patience:.0f} s)")
    if options.json:
        whole = {"schema": "qctl.bench.latency/1", "enqueue_to_start": begun, "pause": held, "kill": again}
        options.json.write_text(json.dumps(whole))


if __name__ == "__main__":
    main()
