"""Growth of costs with the size of a site: `python benchmarks/curves.py [CURVE ...] [--quick] [--json FILE]`.

Four curves, each with all other sizes as they are in `BASE`: `jobs` in Redis (1,000 to 10,000,000, for which 6 GB of
memory must be free), `queues` (1 to 5,000), `workers` that are idle (1 to 256, real ones), and `connections` to Redis
that do nothing (10 to 5,000). It prints milliseconds, or microseconds for a job, of a processor: those of the command
and those of Redis, which other programs disturb less than the clock. What a program needs to start is not among them
(`stats.py`), nor what drawing takes (`monitor.py`). Medians of several runs of an act, or of the parts of a long one;
and how much Redis holds, which has the memory options of `qctl up`, and writes no log here. `socket_batcher.py --crowd
--connections N` is the curve of connections from clients.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from pathlib import Path
from resource import RLIMIT_NOFILE, getrlimit, setrlimit
from statistics import median

from filling import Size, fill
from redis import Redis
from servers import unlogged_redis

from qctl.broker.redis import keys
from qctl.broker.worker.claims import Claimant
from qctl.broker.worker.rq_adapter import QctlWorker
from qctl.models import Selector
from qctl.ops import Ops
from qctl.settings import Settings
from qctl.tui.data.cached_data import CachedData
from support.waiting import eventually

CLAIMS = 200
"""Claims of one run."""

PAUSES = 5
"""Pauses of one run, each with its end."""

PARTS = 5
"""Parts of a bulk act whose median is shown."""

FIRST = "queue-0"
"""The queue in which `filling` puts nearly all."""


@dataclass(frozen=True)
class There:
    """The size of a site."""

    jobs: int = 10_000
    queues: int = 10
    workers: int = 1
    connections: int = 10

    @property
    def size(self) -> Size:
        """As `filling` has it: nine tenths wait, one tenth is dead."""
        return Size(max(2, self.queues), self.jobs * 9 // 10, self.jobs // 10)


BASE = There()
CURVES: dict[str, tuple[int, ...]] = {
    "jobs": (1_000, 10_000, 100_000, 1_000_000, 10_000_000),
    "queues": (1, 10, 100, 1_000, 5_000),
    "workers": (1, 4, 16, 64, 256),
    "connections": (10, 100, 1_000, 5_000),
}
QUICK: dict[str, tuple[int, ...]] = {
    "jobs": (1_000, 10_000, 50_000),
    "queues": (1, 30, 100),
    "workers": (1, 4),
    "connections": (10, 300),
}


@dataclass(frozen=True)
class Cost:
    """Processor time (s) of this process and of Redis."""

    client: float
    redis: float


@dataclass(frozen=True)
class Found:
    """Measurements at one size: bytes of Redis, and the costs of each operation."""

    held: int
    costs: dict[str, list[Cost]]


class Meter:
    """Measures processor time of this process and of Redis. `idle` is the share of a processor that idle workers cost
    Redis; it is subtracted."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self.idle = 0.0

    def now(self) -> tuple[float, float, float]:
        """The clock, and the seconds of a processor of both so far."""
        used = self._redis.info("cpu")
        return time.perf_counter(), time.process_time(), used["used_cpu_sys"] + used["used_cpu_user"]

    def between(self, before: tuple[float, float, float], after: tuple[float, float, float], acts: int) -> Cost:
        """Mean cost of one of several operations."""
        wall, client, redis = (late - early for early, late in zip(before, after, strict=True))
        return Cost(client / acts, max(0.0, redis - self.idle * wall) / acts)

    def of(self, act: Callable[[], object], acts: int = 1) -> Cost:
        """Measure an action that consists of several operations."""
        before = self.now()
        act()
        return self.between(before, self.now(), acts)

    def measure_idle(self, seconds: float) -> None:
        """Measure what Redis takes while this process asks nothing."""
        before = self.now()
        time.sleep(seconds)
        wall, _, redis = (late - early for early, late in zip(before, self.now(), strict=True))
        self.idle = redis / wall


# --- what is there ------------------------------------------------------------------------------------------------


@contextmanager
def idle_workers(count: int, settings: Settings, redis: Redis) -> Iterator[None]:
    """So many inline workers, forked from this process, that wait for jobs of a queue which has none."""
    pids = []
    try:
        for _ in range(count):
            if not (pid := os.fork()):
                _serve(settings)
            pids.append(pid)
        eventually(lambda: redis.zcard(keys.LEASES) >= count, what=f"start of {count} workers", every=0.1)
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def _serve(settings: Settings) -> None:
    """Be an idle worker until killed."""
    with suppress(BaseException):
        QctlWorker(["idle"], Redis.from_url(settings.redis_target), settings, "inline").work()
    os._exit(1)


@contextmanager
def idle_connections(count: int, path: str) -> Iterator[None]:
    """So many connections that say nothing."""
    with ExitStack() as stack:
        for _ in range(count):
            stack.enter_context(socket.socket(socket.AF_UNIX)).connect(path)
        yield


# --- what is done -------------------------------------------------------------------------------------------------


def claims(settings: Settings, queues: Sequence[str]) -> None:
    """Claim jobs from the first of these queues that has any, and give them back."""
    with Redis.from_url(settings.redis_target) as redis:
        claimant = Claimant(redis)
        for _ in range(CLAIMS):
            claim = claimant.claim(queues, None)
            assert claim
            claimant.put_back(claim.queue, claim.job_id)


def pauses(ops: Ops) -> None:
    """Pause a queue and let it go on."""
    for _ in range(PAUSES):
        ops.queues.pause(FIRST, reason="measured")
        ops.queues.resume(FIRST)


def parts(meter: Meter, total: int, act: Callable[[Callable[[int, int | None], None]], object]) -> list[Cost]:
    """Cost of a bulk operation for one job, in each of its parts."""
    marks = [(0, meter.now())]

    def progress(done: int, _of: int | None) -> None:
        if done - marks[-1][0] >= total / PARTS:
            marks.append((done, meter.now()))

    act(progress)
    if len(marks) == 1:
        marks.append((total, meter.now()))
    return [meter.between(before, after, late - early) for (early, before), (late, after) in pairwise(marks)]


def measured(there: There, runs: int) -> Found:
    """Measure each operation at one size."""
    with ExitStack() as stack:
        path, redis = stack.enter_context(unlogged_redis())
        settings = Settings.load(environ={"REDIS_URL": f"unix://{path}"})
        fill(path, there.size)
        stack.enter_context(idle_workers(there.workers, settings, redis))
        stack.enter_context(idle_connections(there.connections, path))
        meter, ops = Meter(redis), Ops(settings)
        meter.measure_idle(2.0)
        others = [f"empty-{n}" for n in range(there.queues - 1)]
        held = redis.info("memory")["used_memory"]
        found = {"idle, a second": [Cost(0.0, meter.idle)]}
        data = CachedData(ops)
        acts: dict[str, tuple[Callable[[], object], int]] = {
            "stats": (ops.stats.read, 1),
            "monitor, queues": (data.stats.read, 1),
            "pause and resume": (lambda: pauses(ops), PAUSES),
            "claim, give back": (lambda: claims(settings, [FIRST]), CLAIMS),
            "claim past others": (lambda: claims(settings, [*others, FIRST]), CLAIMS),
        }
        for name, (act, count) in acts.items():
            act()
            found[name] = []
            for _ in range(runs):
                found[name].append(meter.of(act, count))
                time.sleep(0.3 if name.startswith("monitor") else 0.0)
        chosen = ops.jobs.choose("retry", Selector(queue=FIRST))
        found["retry, a job"] = parts(meter, chosen.count, lambda shown: ops.jobs.retry(chosen, progress=shown))
        waiting = ops.queues.waiting(FIRST)
        found["clear, a job"] = parts(meter, waiting, lambda shown: ops.queues.clear(FIRST, progress=shown))
        return Found(held, found)


# --- how it is shown -----------------------------------------------------------------------------------------------


def show(curve: str, found: dict[int, Found]) -> None:
    """Print a curve: milliseconds for an act, microseconds for a job or claim."""
    print(f"\n{curve}: client + Redis, of a processor; load {os.getloadavg()[0]:.1f}")
    print(f"{'':20}" + "".join(f"{size:>18,}" for size in found))
    print(f"{'Redis holds':17} MB" + "".join(f"{size.held / 1e6:18,.1f}" for size in found.values()))
    for name in next(iter(found.values())).costs:
        each, unit = (1e6, "us") if "job" in name or "claim" in name else (1e3, "ms")
        shown = [
            f"{median(cost.client for cost in costs) * each:8.1f} + {median(cost.redis for cost in costs) * each:<7.2f}"
            for costs in (size.costs[name] for size in found.values())
        ]
        print(f"{name:17} {unit}" + "".join(f"{text:>18}" for text in shown), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("curves", nargs="*", choices=[[], *CURVES], metavar="CURVE")
    parser.add_argument("--quick", action="store_true", help="smaller sizes: a minute or two")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    setrlimit(RLIMIT_NOFILE, (getrlimit(RLIMIT_NOFILE)[1],) * 2)
    sizes = QUICK if options.quick else CURVES
    curves: dict[str, dict[int, Found]] = {}
    for curve in options.curves or list(sizes):
        curves[curve] = {}
        for size in sizes[curve]:
            print(f"{curve} {size:,} ...", end="\r", file=sys.stderr, flush=True)
            curves[curve][size] = measured(replace(BASE, **{curve: size}), options.runs)
        show(curve, curves[curve])
    if options.json:
        shown = {curve: {size: asdict(each) for size, each in found.items()} for curve, found in curves.items()}
        whole = {"schema": "qctl.bench.curves/1", "base": asdict(BASE), "curves": shown}
        options.json.write_text(json.dumps(whole))


if __name__ == "__main__":
    main()
