"""Counts entries that are no jobs any more, so that they are not shown as running, dead or waiting.

Each is an entry of a location whose job's hash is gone (a ghost), or a started job that its worker left. The first
entries of each location are checked, within a limit for all queues together; expired entries are counted by their
scores, however many they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from redis import Redis
from redis.client import Pipeline

from qctl.broker.query import dead_claims, job_locations
from qctl.broker.query.dead_claims import Leases
from qctl.broker.redis import key_prefix, keys, replies, untrusted_fields
from qctl.models import UnrealJobs

if TYPE_CHECKING:
    from qctl.models import State

MAX_CHECKED_IDS = 2000
"""Entries checked for all queues together, in about 10 ms. Ghosts among the others count as jobs until a repair."""

MAX_IDS_PER_LOCATION = 500

_EXPIRING: tuple[State, ...] = ("finished", "failed")
"""States whose registries are scored with the time at which the job's data expires."""

CHECKED_STATES: tuple[State, ...] = ("started", "scheduled", "deferred", "finished", "failed", "quarantined")


@dataclass
class _Location:
    queue: str
    state: State
    members: Sequence[bytes] = ()
    expired: int = 0
    """Entries whose time to live is over, beside `members`."""


class EntryCheck:
    """Checks the entries of locations. `sizes` has the size of each one, `now` is the time of Redis in seconds.

    Call `stage_members` and `take_members`, which share the pipeline of other reads, and then `count`.
    """

    def __init__(self, sizes: Iterable[tuple[str, State, int]], now: float) -> None:
        self._locations = [_Location(queue, state) for queue, state, size in sizes if size]
        self._now = now
        self._limit = min(MAX_IDS_PER_LOCATION, max(1, MAX_CHECKED_IDS // max(1, len(self._locations))))

    def stage_members(self, pipe: Pipeline) -> None:
        """Add the reads of the first entries to a pipeline."""
        for location in self._locations:
            _stage_members(pipe, location, self._limit, self._now)

    def take_members(self, answers: Iterator[object]) -> None:
        """Take the replies to `stage_members`."""
        for location in self._locations:
            members = next(answers)
            if location.state == "quarantined":
                location.members = list(replies.scanned_fields(members)[1])
            elif location.state in _EXPIRING:
                lasting = replies.bytes_list(members)
                location.members = (lasting + replies.bytes_list(next(answers)))[: self._limit]
                location.expired = replies.integer(next(answers))
            else:
                location.members = replies.bytes_list(members)

    def count(self, connection: Redis) -> Mapping[str, UnrealJobs]:
        """Return the counts of the queues that have such entries. Takes one round trip, none without entries."""
        return _counts(connection, self._locations, self._now) if self._locations else {}


def _stage_members(pipe: Pipeline, location: _Location, limit: int, now: float) -> None:
    key = job_locations.key(location.state, location.queue)
    if location.state == "quarantined":
        pipe.hscan(key, 0, count=limit)
    elif location.state == "started":
        pipe.zrangebyscore(key, "-inf", now, 0, limit)
    elif location.state in _EXPIRING:
        pipe.zrangebyscore(key, "-inf", "(0", 0, limit)
        pipe.zrangebyscore(key, f"({now}", "+inf", 0, limit)
        pipe.zcount(key, 0, now)
    else:
        pipe.zrange(key, 0, limit - 1)


def _counts(connection: Redis, locations: Sequence[_Location], now: float) -> dict[str, UnrealJobs]:
    # A Redis Cluster refuses commands for several keys while it moves their slot.
    batch_size = 1 if key_prefix.TAG else MAX_IDS_PER_LOCATION
    with connection.pipeline(transaction=False) as pipe:
        dead_claims.stage(pipe)
        for location in locations:
            _stage_checks(pipe, location, batch_size)
        answers = iter(replies.execute(pipe))
    leases = Leases(next(answers), now * 1000)
    counts: dict[str, UnrealJobs] = {}
    for location in locations:
        ghosts, abandoned = location.expired, 0
        if location.state == "started":
            ghosts, abandoned = _count_left_runs(answers, len(location.members), leases)
        else:
            ghosts += sum(
                len(batch) - replies.integer(next(answers), len(batch)) for batch in _batches(location, batch_size)
            )
        if ghosts or abandoned:
            before = counts.get(location.queue, UnrealJobs())
            counts[location.queue] = before.adding(location.state, ghosts, abandoned)
    return counts


def _batches(location: _Location, size: int) -> Iterator[Sequence[bytes]]:
    """Yield the entries of one location in batches of this size."""
    return (location.members[start : start + size] for start in range(0, len(location.members), size))


def _stage_checks(pipe: Pipeline, location: _Location, batch_size: int) -> None:
    """Add to a pipeline two reads for each started entry, or one for each batch of entries of another location."""
    if location.state != "started":
        for batch in _batches(location, batch_size):
            pipe.exists(*(keys.job(untrusted_fields.decode(member)) for member in batch))
        return
    for member in location.members:
        id_ = job_locations.started_job_id(member)
        pipe.hget(keys.claims(location.queue), id_)
        pipe.hget(keys.job(untrusted_fields.decode(id_)), "status")


def _count_left_runs(answers: Iterator[object], entries: int, leases: Leases) -> tuple[int, int]:
    """Count started entries that nobody holds: ghosts, and jobs that their worker left."""
    ghosts, abandoned = 0, 0
    for _ in range(entries):
        claim, status = next(answers), replies.optional_bytes(next(answers))
        if replies.is_hidden(claim):
            continue
        held = replies.optional_bytes(claim)
        if held is None or leases.is_left(held):
            abandoned += status == b"started"
            ghosts += status != b"started"
    return ghosts, abandoned
