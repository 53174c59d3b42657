"""Repairs leftovers round by round, as RQ's own maintenance does for stock workers, and more."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from itertools import islice

from redis import Redis

from qctl.broker.admin import dependents as dependents_admin
from qctl.broker.admin import repair_leftovers
from qctl.broker.query import dependents, leftovers
from qctl.broker.query.leftovers import UNSTARTED_SECONDS, Leftover

log = logging.getLogger(__name__)

IDS_PER_ROUND = 5000
"""Ids that a round searches for ghosts, in about 50 ms. The search goes on in the next round."""


MAX_STRANDED_PER_ROUND = 500
"""Deferred jobs that a round examines closely."""

RELEASE_SECONDS = 60.0
"""Time (s) between two searches for deferred jobs, which read all of them."""

_FAILED = (dependents.DEAD, dependents.DISCARDED)


class LeftoverRepair:
    """Repairs what `query/leftovers.py` finds. A job must be seen unstarted for a minute, which is RQ's own limit."""

    def __init__(self, connection: Redis, name: str) -> None:
        self._redis = connection
        self._name = name
        self._first_seen: dict[Leftover, float] = {}
        self._release_due = 0.0
        self._ghosts: Iterator[tuple[int, list[Leftover]]] = iter(())

    def run(self, queues: Sequence[str]) -> None:
        """Make a round. Raises redis-py's exceptions."""
        found = leftovers.find_runs(self._redis, queues, confirm_seconds=0.0)
        now = time.monotonic()
        self._first_seen = {
            leftover: self._first_seen.get(leftover, now) for leftover in found if leftover.kind == "unstarted"
        }
        due = [
            leftover
            for leftover in found
            if leftover.kind != "unrecovered"  # the scheduler's Recoverer confirms these by its own rule
            and (leftover not in self._first_seen or now - self._first_seen[leftover] >= UNSTARTED_SECONDS)
        ]
        repaired = repair_leftovers.repair(self._redis, [*due, *self._next_ghosts(queues)], actor=self._name)
        released = self._release_allowed(queues)
        if released:
            log.info("enqueued %d jobs that allow their dependency to fail", released)
        for kind, count in repaired.items():
            if count:
                log.warning("repaired %d leftovers of stock workers or lost data: %s", count, kind)

    def _release_allowed(self, queues: Sequence[str]) -> int:
        """Enqueue deferred jobs that allow the failure of a job that is quarantined, dead or discarded."""
        if time.monotonic() < self._release_due:
            return 0
        self._release_due = time.monotonic() + RELEASE_SECONDS
        found = dependents.find_stranded(self._redis, queues, confirm_seconds=0.0)
        stranded = islice(found, MAX_STRANDED_PER_ROUND)
        ended = [id_ for job in stranded if job.allows_failure for id_, why in job.reasons.items() if why in _FAILED]
        reason = "it allows its dependency to fail"
        return dependents_admin.end(self._redis, ended, "allowed", actor=self._name, reason=reason) if ended else 0

    def _next_ghosts(self, queues: Sequence[str]) -> list[Leftover]:
        found: list[Leftover] = []
        read = 0
        while read < IDS_PER_ROUND:
            page = next(self._ghosts, None)
            if page is None:
                if read:
                    break
                self._ghosts = leftovers.find_ghosts(self._redis, queues)
                page = next(self._ghosts, None)
                if page is None:
                    break
            read += page[0]
            found += page[1]
        return found
