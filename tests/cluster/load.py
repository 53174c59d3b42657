"""All traffic at a site on three hosts, and its books."""

from __future__ import annotations

import time
from contextlib import ExitStack
from functools import partial
from types import TracebackType

from redis import Redis

from cluster import books
from cluster.site import ClusterSite
from cluster.traffic import Jobs, Messages, Posts, Readings, Traffic
from qctl.broker.redis.connection import connect
from qctl.broker.worker import pauses
from support.waiting import eventually

HELD_JOBS = 10

ALL_WORK_SECONDS = 180.0
"""Time after which a fault is taken to have stopped the work for good."""


class Load:
    """Jobs, readings, posts and messages from entering it until `finish`.

    The queue `held` is paused all the time, and its jobs may not run.
    """

    _runs = 0

    def __init__(self, site: ClusterSite) -> None:
        Load._runs += 1
        self.run = f"run-{Load._runs}"
        self._site = site
        self._jobs = Jobs(site, self.run)
        self.traffic: list[Traffic] = [
            self._jobs,
            Readings(site, self.run),
            Posts(site, self.run),
            Messages(site, self.run),
        ]
        self._open = ExitStack()
        self.went_on: dict[str, float] = {}
        """Longest time in seconds from a fault until each kind of traffic arrived again."""

    def seconds_to_work(self, since: float) -> float:
        """Seconds from a moment until one item of each kind that was acknowledged after it has arrived."""
        went_on: dict[str, float] = {}

        def all_work() -> bool:
            for traffic in self.traffic:
                if traffic.name not in went_on and self._works(traffic, since):
                    went_on[traffic.name] = time.monotonic() - since
            return len(went_on) == len(self.traffic)

        eventually(
            all_work, ALL_WORK_SECONDS, "an arrival of each kind that was acknowledged after the fault", every=0.05
        )
        self.went_on = {name: max(seconds, self.went_on.get(name, 0.0)) for name, seconds in went_on.items()}
        return max(went_on.values())

    def _works(self, traffic: Traffic, since: float) -> bool:
        return bool(traffic.acknowledged_after(since) & self._stored(traffic).keys())

    def _stored(self, traffic: Traffic) -> dict[int, int]:
        return books.stored(self._site, self.run, traffic.name)

    def finish(self) -> None:
        """Send nothing new, and wait for acknowledgements."""
        for traffic in self.traffic:
            traffic.finish()

    def _missing(self, traffic: Traffic) -> set[int]:
        return traffic.ledger.acknowledged - self._stored(traffic).keys()

    def wait_for_arrivals(self, seconds: float) -> None:
        """Wait until everything acknowledged is there, or for so many seconds without any progress."""
        fewest, until = -1, time.monotonic() + seconds
        while time.monotonic() < until:
            missing = sum(len(self._missing(traffic)) for traffic in self.traffic)
            if not missing:
                return
            if fewest < 0 or missing < fewest:
                fewest, until = missing, time.monotonic() + seconds
            time.sleep(0.2)

    def lost(self) -> dict[str, int]:
        """Numbers of acknowledged items that did not arrive, by kind of traffic."""
        with connect(self._site.settings) as client:
            return {traffic.name: len(self._missing(traffic) - self._dead(traffic, client)) for traffic in self.traffic}

    def _dead(self, traffic: Traffic, client: Redis) -> set[int]:
        return set(books.arrived(self._site, self.run, traffic.name, client).dead)

    def repeated(self) -> int:
        """Number of jobs that ran more than once."""
        return sum(times > 1 for times in books.runs_of_jobs(self._site, self.run).values())

    def objections(self) -> list[str]:
        """Objections, one line each; none if every promise held."""
        found = []
        with connect(self._site.settings) as client:
            for traffic in self.traffic:
                arrived = books.arrived(self._site, self.run, traffic.name, client)
                found += traffic.ledger.objections(arrived)
        held = sum(n < 0 for n in books.runs_of_jobs(self._site, self.run))
        return [*found, f"{held} jobs of a paused queue ran"] if held else found

    def __enter__(self) -> Load:
        with connect(self._site.settings) as client:
            pauses.pause(client, "held", actor="load")
        for traffic in self.traffic:
            self._open.enter_context(traffic)
        for number in range(1, HELD_JOBS + 1):
            eventually(partial(self._jobs.create, -number, "held"), what="a held job", every=0.1)
        for traffic in self.traffic:
            eventually(partial(self._stored, traffic), what=f"the first of the {traffic.name}", every=0.05)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()
