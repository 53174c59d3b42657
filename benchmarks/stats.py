"""Run times of `qctl stats`, help and completion beside `rq info`: `python benchmarks/stats.py [RUNS]`.

First on an empty Redis, then with 1,000,000 waiting jobs, 100,000 dead letters and 1,000 queues, of which each ran jobs
in the last minutes. Starts a private redis-server in a temporary folder. All programs take turns in one run, so that a
busy machine is busy for all of them. Told are medians: on the clock, and of a processor, which other programs disturb
less. Bytecode is written, as an installation does, whatever PYTHONDONTWRITEBYTECODE says: without it, every run
compiles all modules, which is most of its time.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from filling import Size, fill
from servers import unlogged_redis

BIN = Path(sys.executable).parent

COMPLETION = {"_QCTL_NAMES": "queue"}
"""Arguments of the completion of queue names; a shell completes verbs and options by itself."""

PROGRAMS: dict[str, tuple[list[str], Mapping[str, str]]] = {
    "rq info": ([str(BIN / "rq"), "info"], {}),
    "qctl stats": ([str(BIN / "qctl"), "stats"], {}),
    "qctl stats --json": ([str(BIN / "qctl"), "stats", "--json"], {}),
    "qctl --help": ([str(BIN / "qctl"), "--help"], {}),
    "completion": ([str(BIN / "qctl")], COMPLETION),
    "python -c pass": ([sys.executable, "-c", "pass"], {}),
}


@dataclass(frozen=True)
class Took:
    """One run of a program: seconds on the clock, and of a processor."""

    wall: float
    cpu: float


def run(command: list[str], env: Mapping[str, str]) -> Took:
    """Run a program to its end."""
    start = time.perf_counter()
    process = subprocess.Popen(command, env=dict(env), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    took = Took(time.perf_counter() - start, used.ru_utime + used.ru_stime)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, f"{command} ended with {process.returncode}"
    return took


def measure(url: str, runs: int) -> dict[str, list[Took]]:
    """Measure each program, in turns."""
    took: dict[str, list[Took]] = {name: [] for name in PROGRAMS}
    env = {**os.environ, "REDIS_URL": url, "RQ_REDIS_URL": url}
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    for command, more in PROGRAMS.values():
        run(command, {**env, **more})  # writes bytecode
    for _ in range(runs):
        for name, (command, more) in PROGRAMS.items():
            took[name].append(run(command, {**env, **more}))
    return took


def show(title: str, took: dict[str, list[Took]]) -> None:
    """Print it, beside the first program."""
    print(f"{title}; load {os.getloadavg()[0]:.1f}")
    base_wall, base_cpu = (median(getattr(each, what) for each in took["rq info"]) for what in ("wall", "cpu"))
    for name, each in took.items():
        wall, cpu = median(one.wall for one in each), median(one.cpu for one in each)
        shown = f"{wall * 1000:6.0f} ms ({wall / base_wall:4.2f} of rq info), of a processor {cpu * 1000:6.0f} ms"
        print(f"  {name:18} {shown} ({cpu / base_cpu:4.2f})")


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    with unlogged_redis() as (path, _):
        empty = measure(f"unix://{path}", runs)
        show("an empty Redis", empty)
        fill(path, Size())
        full = measure(f"unix://{path}", runs)
        show(str(Size()), full)
        for what in ("wall", "cpu"):
            more = [median(getattr(each, what) for each in took["qctl stats"]) for took in (full, empty)]
            print(f"qctl stats takes {(more[0] - more[1]) * 1000:.0f} ms more than with none ({what})")


if __name__ == "__main__":
    main()
