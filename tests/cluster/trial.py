"""One fault at a site on three hosts, from the first message to the verdict."""

from __future__ import annotations

import time
from dataclasses import dataclass

from cluster.faults import FAULTS
from cluster.load import Load
from cluster.site import ClusterSite

MAX_SECONDS_TO_WORK = 30.0
"""Time within which work must go on after a fault."""

SETTLE_SECONDS = 1.0
"""Time of traffic before the fault, and after everything is repaired."""

ARRIVAL_SECONDS = 60.0
"""Time without any arrival after which a trial gives up."""


@dataclass(frozen=True)
class Trial:
    """Result of a trial. The promises held if there are no objections."""

    fault: str
    seconds_to_work: float
    jobs: int
    readings: int
    lost: int
    repeated: int
    seconds: float
    objections: list[str]

    def __str__(self) -> str:
        went_on = f"work went on after {self.seconds_to_work:.1f} s"
        books = f"{self.jobs} jobs and {self.readings} readings acknowledged, {self.lost} lost"
        verdict = "; ".join(self.objections) or "holds"
        return f"{self.fault}: {went_on}; {books}, {self.repeated} jobs ran again; {self.seconds:.0f} s: {verdict}"


def put_to_trial(site: ClusterSite, name: str) -> Trial:
    """Let a fault strike under load, repair everything, and compare the books."""
    began = time.monotonic()
    with Load(site) as load:
        time.sleep(SETTLE_SECONDS)
        seconds = FAULTS[name].strike(site, load)
        site.heal()
        time.sleep(SETTLE_SECONDS)
        load.finish()
        load.wait_for_arrivals(ARRIVAL_SECONDS)
        jobs, readings = load.lost()
        objections = load.objections()
        if seconds > MAX_SECONDS_TO_WORK:
            objections.append(f"work went on only after {seconds:.1f} s")
        return Trial(
            name,
            seconds,
            len(load.acknowledged),
            load.published,
            len(jobs) + len(readings),
            sum(times > 1 for times in load.marks().values()),
            time.monotonic() - began,
            objections,
        )
