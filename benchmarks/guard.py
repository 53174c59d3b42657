"""Regression guard: short runs of the main benchmarks against the ratios in `expected.json`.

    make bench-guard
    .venv/bin/python benchmarks/guard.py [NAME ...]

Each figure is a ratio of two programs that take turns in one run, because rates alone depend on the machine and on what
else it does. A ratio of processor times serves where there is one, else one of rates. `expected.json` states for each
the ratio that was measured on a quiet machine and the share of it below which the guard fails; higher is better in all
of them. It takes four minutes on an idle machine, and exits with 1 if a ratio is too low.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import median

import enqueue
import pipeline
import stats
import workers
from servers import private_redis, unlogged_redis

import gateway

EXPECTED = Path(__file__).parent / "expected.json"
TURNS = 3
"""Runs of each program; the medians are compared."""

REQUESTS, CONNECTIONS = 2000, 32
"""Requests to a gateway in a run, and the connections that send them."""


@dataclass(frozen=True)
class Expected:
    """A ratio measured on a quiet machine, and the share of it that is still accepted."""

    ratio: float
    accepted_share: float

    @property
    def least(self) -> float:
        """The lowest ratio that passes."""
        return self.ratio * self.accepted_share


def measure_worker(ours: str, theirs: str, jobs: int) -> float:
    """Processor time of a job in a stock worker and Redis, divided by that in qctl's worker and Redis."""
    peers = {peer.name: peer for peer in workers.PEERS}
    costs: dict[str, list[float]] = {ours: [], theirs: []}
    with private_redis() as server:
        for _ in range(TURNS):
            for name, found in costs.items():
                count = max(100, int(jobs * peers[name].share))
                found.append(workers.drain(peers[name], server.tcp_url, server.folder, count).cost)
    return median(costs[theirs]) / median(costs[ours])


def measure_four_workers() -> float:
    """Rate of four workers on one queue, with jobs of 1 ms, divided by that of one."""
    peers = {peer.name: peer for peer in workers.PEERS}
    ratios = []
    with private_redis() as server:
        for _ in range(TURNS):
            one, four = (
                workers.drain(peers[name], server.tcp_url, server.folder, count).rate
                for name, count in (("qctl 1 ms", 1000), ("qctl 1 ms, four", 3000))
            )
            ratios.append(four / one)
    return median(ratios)


def measure_pipeline() -> float:
    """Processor time of a reading in the bridge, divided into that in a bare paho subscriber."""
    costs: dict[str, list[float]] = {"bridge": [], "paho": []}
    for _ in range(TURNS):
        for name, found in costs.items():
            found.append(pipeline.run(name, 40_000).cost[name])
    return median(costs["paho"]) / median(costs["bridge"])


def measure_gateway(arm: str) -> float:
    """Processor time of a bare route's item, divided by that of one in the gateway, clients and Redis included."""
    costs: dict[str, list[float]] = {"bare": [], arm: []}
    for _ in range(TURNS):
        for name, found in costs.items():
            found.append(sum(gateway.run(name, REQUESTS, CONNECTIONS).cost.values()))
    return median(costs["bare"]) / median(costs[arm])


@cache
def start_up_times() -> dict[str, float]:
    """Processor time of each program of `stats.py` on an empty Redis."""
    with unlogged_redis() as (path, _):
        took = stats.measure(f"unix://{path}", 2 * TURNS)
    return {name: median(one.cpu for one in runs) for name, runs in took.items()}


def measure_start_up(program: str) -> float:
    """Processor time of `rq info` divided by that of a program."""
    return start_up_times()["rq info"] / start_up_times()[program]


FIGURES: dict[str, Callable[[], float]] = {
    "worker inline": lambda: measure_worker("qctl inline", "rq SimpleWorker", 4000),
    "worker fork": lambda: measure_worker("qctl fork", "rq Worker", 3000),
    "four workers": measure_four_workers,
    "enqueue": lambda: enqueue.measure_ratio(10_000),
    "pipeline": measure_pipeline,
    "gateway job": lambda: measure_gateway("create"),
    "gateway reading": lambda: measure_gateway("one"),
    "start of stats": lambda: measure_start_up("qctl stats"),
    "start of completion": lambda: measure_start_up("completion"),
    "start of help": lambda: measure_start_up("qctl --help"),
}
"""By its name in `expected.json`, how a ratio is measured."""


def main() -> int:
    """Measure what was named, or all. Returns the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("figures", nargs="*", choices=[[], *FIGURES], metavar="NAME")
    chosen = parser.parse_args().figures or list(FIGURES)
    expected = {name: Expected(**each) for name, each in json.loads(EXPECTED.read_text()).items()}
    low = []
    for name in chosen:
        ratio = FIGURES[name]()
        verdict = "ok" if ratio >= expected[name].least else "TOO LOW"
        bounds = f"expected {expected[name].ratio:6.2f}, at least {expected[name].least:6.2f}"
        print(f"{name:20} {ratio:6.2f}, {bounds}: {verdict}", flush=True)
        low += [name] if verdict != "ok" else []
    return 1 if low else 0


if __name__ == "__main__":
    sys.exit(main())
