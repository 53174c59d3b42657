"""Costs of a pipeline by stage: runs in turns, and their report."""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import psutil

STALL_SECONDS = 60.0
"""Time without a further item after which a benchmark ends with an error."""


@dataclass(frozen=True)
class Result:
    """One run: items a second, and by process microseconds of a processor for each."""

    rate: float
    cost: dict[str, float]


class Spent:
    """Processor time of processes from now on. This one, with children that it has waited for, is `own`."""

    def __init__(self, pids: Mapping[str, int], own: str) -> None:
        self._processes = {name: psutil.Process(pid) for name, pid in pids.items()}
        self._own = own
        self._before = self._now()

    def _now(self) -> dict[str, float]:
        found = {name: sum(process.cpu_times()[:2]) for name, process in self._processes.items()}
        return {self._own: sum(os.times()[:4]), **found}

    def each(self, count: int) -> dict[str, float]:
        """Microseconds of a processor for each of so many items."""
        return {name: (now - self._before[name]) / count * 1e6 for name, now in self._now().items()}


def wait_for_items(arrived: Callable[[], int], count: int, every: float = 0.1) -> None:
    """Wait until so many items have arrived. Raises RuntimeError if no more of them arrive."""
    seen, last = -1, time.monotonic()
    while (now := arrived()) < count:
        if now > seen:
            seen, last = now, time.monotonic()
        elif time.monotonic() - last > STALL_SECONDS:
            raise RuntimeError(f"{now:,} of {count:,} items arrived, and none in the last {STALL_SECONDS:.0f} s")
        time.sleep(every)


def parser(about: str | None, arms: Sequence[str], count: int) -> argparse.ArgumentParser:
    """The command-line options of such a benchmark."""
    made = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("arms", nargs="*", metavar="ARM", help=f"default: {' '.join(arms)}")
    made.add_argument("--count", type=int, default=count)
    made.add_argument("--runs", type=int, default=3)
    made.add_argument("--json", type=Path, metavar="FILE", help="write what was measured there too")
    return made


def take_turns(
    options: argparse.Namespace, arms: Sequence[str], run: Callable[[str, int], Result], items: str
) -> dict[str, list[Result]]:
    """Run the arms that were asked for, in turns, and tell each run and the medians. `items` is what is counted."""
    results: dict[str, list[Result]] = {name: [] for name in options.arms or arms}
    for _ in range(options.runs):
        for name, found in results.items():
            found.append(run(name, options.count))
            _report(name, found[-1:], items)
    print(f"medians of {options.runs}, least and most; load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    for name, found in results.items():
        _report(name, found, items)
    if options.json:
        shown = {name: [asdict(each) for each in found] for name, found in results.items()}
        options.json.write_text(json.dumps({"schema": "qctl.bench.stages/1", "count": options.count, "runs": shown}))
    return results


def _report(name: str, results: list[Result], items: str) -> None:
    costs = {stage: median(each.cost[stage] for each in results) for stage in results[0].cost}
    shown = ", ".join(f"{stage} {cost:.0f}" for stage, cost in {**costs, "in all": sum(costs.values())}.items())
    rates = [each.rate for each in results]
    spread = f" ({min(rates):,.0f} to {max(rates):,.0f})" if len(rates) > 1 else ""
    print(f"{name:9} {median(rates):8,.0f} {items}/s{spread}; us of a processor each: {shown}")
