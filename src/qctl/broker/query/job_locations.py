"""Locations of jobs: one key for each state of a queue, read in pages while others change it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from redis import Redis
from redis.client import Pipeline

from qctl.broker.redis import bulk_counts, keys, replies

if TYPE_CHECKING:
    from qctl.models import State

IDS_PER_READ = 1000
"""Ids read at once: about 40 KB, 0.5 ms of Redis's time."""

OVERLAP_IDS = 200
"""Ids read again with the next page, because jobs that workers claim meanwhile move all others up."""

MAX_LPOS_IDS = 3
"""Ids whose positions are found by LPOS; for more of them the list is read."""

LPOS_MAXLEN = 100_000
"""Ids at each end of a list that LPOS searches, in 1 ms."""

KeyType = Literal["list", "zset", "hash"]

_KEYS: dict[State, Callable[[str], str]] = {
    "queued": keys.queue,
    "started": keys.started,
    "scheduled": keys.scheduled,
    "deferred": keys.deferred,
    "finished": keys.finished,
    "failed": keys.failed,
    "canceled": keys.canceled,
    "quarantined": keys.quarantine,
}

BY_STATUS: dict[str, State] = {
    "queued": "queued",
    "created": "queued",
    "started": "started",
    "scheduled": "scheduled",
    "deferred": "deferred",
    "finished": "finished",
    "failed": "failed",
    "stopped": "failed",
    "canceled": "canceled",
}
"""State in which a job of each of RQ's statuses is located. Jobs of other statuses are in no location."""


@dataclass(frozen=True)
class JobEntry:
    """A job in a location: `position` from the head of a list, `score` in a sorted set, `note` in the quarantine."""

    id: bytes
    position: int = -1
    score: float = 0.0
    note: bytes | None = None
    is_abandoned: bool = False
    """True for a started job whose worker is gone."""


LocatedJob = tuple[str, "State", JobEntry]
"""A job with its queue and state."""


def key(state: State, queue: str) -> str:
    """Return the key of a location."""
    return _KEYS[state](queue)


def key_type(state: State) -> KeyType:
    """Return the type that the key of a location should have."""
    return "list" if state == "queued" else "hash" if state == "quarantined" else "zset"


_SIZE_COMMANDS: dict[KeyType, str] = {"list": "LLEN", "zset": "ZCARD", "hash": "HLEN"}


def stage_size(pipe: Pipeline, state: State, queue: str) -> None:
    """Add the command that counts the jobs of a location to a pipeline."""
    pipe.execute_command(_SIZE_COMMANDS[key_type(state)], key(state, queue))


def stage_first_ids(pipe: Pipeline, state: State, queue: str, count: int) -> None:
    """Add the command that reads the first ids of a location to a pipeline; `parse_first_ids` reads its reply."""
    name = key(state, queue)
    if key_type(state) == "list":
        pipe.lrange(name, 0, count - 1)
    elif key_type(state) == "hash":
        pipe.hscan(name, 0, count=count)
    else:
        pipe.zrange(name, 0, count - 1)


def parse_first_ids(state: State, reply: object) -> list[bytes]:
    """Return the ids in a reply to `stage_first_ids`, none if the key holds another type."""
    if key_type(state) == "hash":
        return list(replies.scanned_fields(reply)[1])
    members = replies.bytes_list(reply)
    return [started_job_id(execution) for execution in members] if state == "started" else members


_EXECUTION = re.compile(rb":[0-9a-f]{16,32}$")
"""Matches the execution at the end of a member of the registry of started jobs: a UUID without dashes."""


def started_job_id(member: bytes) -> bytes:
    """Return the job's id from a member of the registry of started jobs: `job:execution`, or before RQ 2.0 `job`.

    Ids of RQ 1 may hold colons.
    """
    return _EXECUTION.sub(b"", member)


def sizes(connection: Redis, locations: Sequence[tuple[str, State]]) -> list[int]:
    """Return how many jobs each (queue, state) has. A key of another type has none."""
    commands = tuple((_SIZE_COMMANDS[key_type(state)], key(state, queue)) for queue, state in locations)
    return [replies.integer(reply) for reply in bulk_counts.fetch(connection, commands)]


def read(connection: Redis, queue: str, state: State, start: int = 0) -> Iterator[list[JobEntry]]:
    """Yield pages of a location's jobs in its order, from index `start` on. A quarantine has no order."""
    if key_type(state) == "hash":
        yield from _read_hash(connection, key(state, queue), start)
        return
    before: set[bytes] = set()
    overlap = 0
    while True:
        page = _slice(connection, queue, state, max(0, start - overlap), start + IDS_PER_READ)
        # A job that runs twice is in its location twice, and so is one that was enqueued twice.
        fresh = {entry.id: entry for entry in page if entry.id not in before}
        if fresh:
            yield list(fresh.values())
        if not page or page[-1].position + 1 < start + IDS_PER_READ:
            return
        before = {entry.id for entry in page}
        start, overlap = start + IDS_PER_READ, OVERLAP_IDS


def _slice(connection: Redis, queue: str, state: State, start: int, end: int) -> list[JobEntry]:
    is_list = key_type(state) == "list"
    with connection.pipeline(transaction=False) as pipe:
        if is_list:
            pipe.lrange(key(state, queue), start, end - 1)
        else:
            pipe.zrange(key(state, queue), start, end - 1, withscores=True)
        (answer,) = replies.execute(pipe)
    if is_list:
        return [JobEntry(id_, start + n) for n, id_ in enumerate(replies.bytes_list(answer))]
    members = replies.scored_members(answer)
    if state == "started":
        return [JobEntry(started_job_id(execution), start + n, score) for n, (execution, score) in enumerate(members)]
    return [JobEntry(id_, start + n, score) for n, (id_, score) in enumerate(members)]


def _read_hash(connection: Redis, name: str, start: int) -> Iterator[list[JobEntry]]:
    if connection.type(name) != b"hash":
        return
    cursor, passed = 0, 0
    while True:
        cursor, notes = replies.scanned_fields(connection.hscan(name, cursor, count=IDS_PER_READ))
        page = [JobEntry(id_, note=note) for id_, note in notes.items()][max(0, start - passed) :]
        passed += len(notes)
        if page:
            yield page
        if not cursor:
            return


def find_positions(connection: Redis, queue: str, ids: Sequence[bytes]) -> dict[bytes, int]:
    """Return the current positions of these ids in the queue, without those that do not wait.

    LPOS is slow, so it is used only for a few ids, near the ends of the list.
    """
    positions: dict[bytes, int] = {}
    if len(ids) <= MAX_LPOS_IDS:
        positions = {id_: at for id_ in ids if (at := _position_near_end(connection, queue, id_)) is not None}
    wanted = set(ids) - positions.keys()
    for page in read(connection, queue, "queued") if wanted else ():
        positions.update((entry.id, entry.position) for entry in page if entry.id in wanted)
        if len(positions) == len(set(ids)):
            break
    return positions


def _position_near_end(connection: Redis, queue: str, id_: bytes) -> int | None:
    with connection.pipeline(transaction=False) as pipe:
        pipe.execute_command("LPOS", keys.queue(queue), id_, "MAXLEN", LPOS_MAXLEN)
        pipe.execute_command("LPOS", keys.queue(queue), id_, "RANK", -1, "MAXLEN", LPOS_MAXLEN)
        from_head, from_tail = map(replies.optional_integer, replies.execute(pipe))
    return from_tail if from_head is None else from_head
