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
    """Result of a trial. The promises about data held if there are no objections, all held if it is not late either."""

    fault: str
    seconds_to_work: float
    went_on: dict[str, float]
    """Seconds until each kind of traffic arrived again."""
    acknowledged: int
    lost: dict[str, int]
    """Acknowledged items that did not arrive, by kind."""
    repeated: int
    seconds: float
    objections: list[str]

    @property
    def late(self) -> bool:
        """True if work did not go on in time."""
        return self.seconds_to_work > MAX_SECONDS_TO_WORK

    def __str__(self) -> str:
        kinds = ", ".join(f"{kind} {seconds:.1f}" for kind, seconds in self.went_on.items())
        went_on = f"work went on after {self.seconds_to_work:.1f} s ({'late: ' if self.late else ''}{kinds})"
        books = f"{self.acknowledged} acknowledged, {sum(self.lost.values())} lost, {self.repeated} jobs ran again"
        return f"{self.fault}: {went_on}; {books}; {self.seconds:.0f} s: {'; '.join(self.objections) or 'holds'}"


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
        return Trial(
            name,
            seconds,
            load.went_on,
            sum(len(traffic.ledger.acknowledged) for traffic in load.traffic),
            load.lost(),
            load.repeated(),
            time.monotonic() - began,
            load.objections(),
        )
