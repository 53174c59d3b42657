"""One fault, from the first message to the verdict."""

from __future__ import annotations

import itertools
import random
import time
from dataclasses import dataclass

from faults import arrivals
from faults.faults import FAULTS
from faults.load import Load
from faults.path import DataPath

ACKNOWLEDGED = 90.0
"""Seconds within which all that was sent is acknowledged, once all is well again."""

ARRIVED = 120.0
"""Seconds within which all of that arrives: a killed worker's batch waits up to 30 s, a held queue as long."""

SETTLE = 0.5
"""Seconds after that, for what should not come any more."""

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Trial:
    """Result of a trial. The promises held if there are no objections."""

    fault: str
    seed: int
    struck: int
    books: str
    took: float
    objections: list[str]

    def __str__(self) -> str:
        verdict = "; ".join(self.objections) or "holds"
        return f"{self.fault} (seed {self.seed}) struck {self.struck} times, {self.books}, {self.took:.0f} s: {verdict}"


def put_to_trial(path: DataPath, name: str, seed: int, seconds: float, rate: float) -> Trial:
    """Send at `rate` while a fault strikes for so many seconds, mend everything, and compare the books."""
    fault, run, began = FAULTS[name], f"{name}-{next(_numbers)}", time.monotonic()
    with Load(path, run, rate, resent=fault.resent) as load:
        time.sleep(SETTLE)
        struck = fault.strike(path, random.Random(seed), seconds)
        path.heal()
        load.finish(ACKNOWLEDGED)
    deadline = time.monotonic() + ARRIVED
    while not _balanced(path, run, load) and time.monotonic() < deadline:
        time.sleep(0.1)
    time.sleep(SETTLE)
    objections = load.readings.objections(arrivals.readings(path, run))
    objections += load.messages.objections(arrivals.messages(path, run))
    if not struck:
        objections.append("nothing went wrong, so nothing is proved")
    return Trial(name, seed, struck, f"{load.readings}, {load.messages}", time.monotonic() - began, objections)


def _balanced(path: DataPath, run: str, load: Load) -> bool:
    return load.readings.balanced(arrivals.readings(path, run)) and load.messages.balanced(arrivals.messages(path, run))
