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
from support.busy_machine import BusyMachine

ACKNOWLEDGED = 90.0
"""Seconds without any acknowledgement after which a trial gives up, once all is well again."""

ARRIVED = 120.0
"""Seconds without any arrival after which a trial gives up: a killed worker's batch waits up to 30 s, a held queue as
long."""

LONGEST_WAIT = 900.0
"""Seconds in which everything arrives, however much was sent."""

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
    appended: int
    """Items that sources appended, of both kinds: beyond those acknowledged, copies of one."""
    took: float
    objections: list[str]
    notes: str = ""

    def __str__(self) -> str:
        verdict = "; ".join(self.objections) or "holds"
        books = f"{self.books}, {self.appended} items appended"
        notes = f", {self.notes}" if self.notes else ""
        head = f"{self.fault} (seed {self.seed}) struck {self.struck} times"
        return f"{head}, {books}{notes}, {self.took:.0f} s: {verdict}"


def put_to_trial(path: DataPath, name: str, seed: int, seconds: float, rate: float, writers: int = 0) -> Trial:
    """Send at `rate` while a fault strikes for so many seconds, mend everything, and compare the books.

    So many `writers` keep the disk busy until it is mended.
    """
    fault, run, began = FAULTS[name], f"{name}-{next(_numbers)}", time.monotonic()
    before = arrivals.appended(path)
    with Load(path, run, rate, resent=fault.resent) as load:
        time.sleep(SETTLE)
        with BusyMachine(path.folder, writers):
            struck = fault.strike(path, random.Random(seed), seconds)
        path.heal()
        load.finish(ACKNOWLEDGED)
    _wait_for_arrivals(path, run, load, loses=fault.loses)
    time.sleep(SETTLE)
    objections = load.readings.objections(arrivals.readings(path, run))
    objections += load.messages.objections(arrivals.messages(path, run))
    if fault.loses:
        objections = [each for each in objections if " acknowledged and lost: " not in each]
    objections += path.objections
    notes = ", ".join(path.notes)
    path.objections, path.notes = [], []
    if not struck:
        objections.append("nothing went wrong, so nothing is proved")
    appended = 0 if fault.loses else arrivals.appended(path) - before
    books, took = f"{load.readings}, {load.messages}", time.monotonic() - began
    return Trial(name, seed, struck, books, appended, took, objections, notes)


def _wait_for_arrivals(path: DataPath, run: str, load: Load, *, loses: bool) -> None:
    """Return when as much arrived as was acknowledged, or when nothing more arrives.

    After a loss: when nothing waits any more.
    """
    end = time.monotonic() + LONGEST_WAIT
    arrived, deadline = -1, end
    while time.monotonic() < min(end, deadline):
        looked = time.monotonic()
        readings, messages = arrivals.readings(path, run), arrivals.messages(path, run)
        if load.readings.balanced(readings) and load.messages.balanced(messages):
            return
        if loses and not readings.waiting and not messages.waiting:
            return
        if (count := len(readings.all) + len(messages.all)) != arrived:
            arrived, deadline = count, time.monotonic() + ARRIVED
        time.sleep(max(0.1, time.monotonic() - looked))  # reading it all may take longer than that
