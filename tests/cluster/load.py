"""Traffic at a site on three hosts, and its books."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections import Counter
from contextlib import ExitStack, closing
from types import TracebackType

from redis.exceptions import RedisError

from cluster.site import ClusterSite
from qctl.broker.producer import enqueue
from qctl.broker.producer.enqueue import NewJob
from qctl.broker.redis.connection import connect
from qctl.broker.worker import pauses
from support.device import Device
from support.waiting import eventually

HELD_JOBS = 10

JOB_SECONDS = 0.05
"""Pause between two jobs."""

READING_SECONDS = 0.02
"""Pause between two readings."""


class Load:
    """Jobs of one client, and readings of one device for the bridge of each host, from entering it until `finish`.

    The queue `held` is paused all the time, and its jobs may not run.
    """

    _runs = 0

    def __init__(self, site: ClusterSite) -> None:
        Load._runs += 1
        self.run = f"run-{Load._runs}"
        self._site = site
        self._ran = site.folder / f"{self.run}.ran"
        self.acknowledged: dict[int, float] = {}
        """Numbers of jobs, and when they were acknowledged."""
        self.attempted: set[int] = set()
        self.published = 0
        self._ending = threading.Event()
        self._open = ExitStack()
        self._threads = [threading.Thread(target=act, daemon=True) for act in (self._create_jobs, self._publish)]
        self._client = self._open.enter_context(connect(site.settings, name="qctl-load"))

    def _job(self, number: int, queue: str) -> NewJob:
        arguments = {"path": str(self._ran), "value": number}
        return NewJob(f"{self.run}-{queue}-{number}", "mark", "support.jobs.mark", queue, arguments, timeout=60)

    def _create(self, number: int, queue: str) -> bool:
        try:
            enqueue.create(self._client, [self._job(number, queue)], actor="load", retry_seconds=0.0)
        except RedisError:
            return False
        return True

    def _create_jobs(self) -> None:
        number = 0
        while not self._ending.is_set():
            self.attempted.add(number)
            if self._create(number, "work"):  # else it is sent again, with the same id
                self.acknowledged[number] = time.monotonic()
                number += 1
            self._ending.wait(JOB_SECONDS)

    def _publish(self) -> None:
        while not self._ending.wait(READING_SECONDS):
            payload = json.dumps({"n": self.published, "timestamp": 1_700_000_000_000 + self.published})
            host = self.published % len(self._site.nodes) + 1
            self._device.publish(f"sensors/{host}/{self.run}", payload)
            self.published += 1

    def seconds_to_work(self, since: float) -> float:
        """Seconds from a moment until a job ran that was acknowledged after it."""

        def ran() -> bool:
            later = [number for number, at in list(self.acknowledged.items()) if at > since]
            return bool(later) and any(number in self.marks() for number in later)

        eventually(ran, what="a job that was acknowledged after the fault", every=0.05)
        return time.monotonic() - since

    def marks(self) -> Counter[int]:
        """Count the runs of each job."""
        return Counter(map(int, self._ran.read_text().split())) if self._ran.exists() else Counter()

    def stored(self) -> Counter[int]:
        """Count the copies of each reading in the sink."""
        database = self._site.home / "qctl.db"
        if not database.exists():
            return Counter()
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=30)) as db:
            try:
                rows = db.execute("SELECT fields FROM readings WHERE topic LIKE ?", (f"%{self.run}",)).fetchall()
            except sqlite3.OperationalError:
                return Counter()
        return Counter(json.loads(fields)["n"] for (fields,) in rows)

    def finish(self) -> None:
        """Send nothing new."""
        self._ending.set()
        for thread in self._threads:
            thread.join()

    def wait_for_arrivals(self, seconds: float) -> None:
        """Wait until everything acknowledged is there, or for so many seconds without any progress."""
        progress, until = (-1, -1), time.monotonic() + seconds
        while time.monotonic() < until:
            marks, stored = self.marks(), self.stored()
            if self.acknowledged.keys() <= marks.keys() and len(stored) >= self.published:
                return
            if (len(marks), len(stored)) != progress:
                progress, until = (len(marks), len(stored)), time.monotonic() + seconds
            time.sleep(0.2)

    def lost(self) -> tuple[set[int], set[int]]:
        """Acknowledged jobs that did not run, and readings that the broker acknowledged and no sink has."""
        return self.acknowledged.keys() - self.marks().keys(), set(range(self.published)) - self.stored().keys()

    def objections(self) -> list[str]:
        """Objections, one line each; none if every promise held."""
        marks, stored = self.marks(), self.stored()
        jobs, readings = self.lost()
        found = {
            "jobs acknowledged and lost": jobs,
            "jobs that ran and that nobody created": {n for n in marks if n >= 0} - self.attempted,
            "jobs of a paused queue that ran": {n for n in marks if n < 0},
            "readings acknowledged and lost": readings,
            "readings stored twice": {n for n, times in stored.items() if times > 1},
        }
        return [f"{what}: {len(numbers)} ({sorted(numbers)[:10]})" for what, numbers in found.items() if numbers]

    def __enter__(self) -> Load:
        self._device = self._open.enter_context(Device(self._site.broker.port, host=self._site.network.address))
        pauses.pause(self._client, "held", actor="load")
        for number in range(1, HELD_JOBS + 1):
            eventually(lambda number=number: self._create(-number, "held"), what="a held job", every=0.1)  # type: ignore[misc]
        for thread in self._threads:
            thread.start()
        eventually(lambda: self.marks() and self.stored(), what="the first job and reading", every=0.05)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.finish()
        self._open.close()
