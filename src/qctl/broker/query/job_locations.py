"""Where jobs are: one key for each state of a queue, read in steps while others go on working."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from redis import Redis
from redis.client import Pipeline

from qctl.broker.redis import bulk_counts, keys, replies
from qctl.models import State

IDS_PER_READ = 1000
"""Ids read at once: some 40 KB, half a millisecond of Redis's time."""

OVERLAP = 200
"""Ids read again with the next step: what workers take from the head meanwhile moves all others up."""

FEW = 3
"""Ids that Redis itself is asked for."""

LPOS_MAXLEN = 100_000
"""Ids at each end of a list that it looks through for one of them: a millisecond."""

Kind = Literal["list", "zset", "hash"]

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
"""Where a job of each of RQ's statuses should be. The others are in no place of a queue."""


@dataclass(frozen=True)
class JobEntry:
    """A job that is in a place. `position` counts from the head of a list, `score` is its place's, `note` is what the
    quarantine says of it."""

    id: bytes
    position: int = -1
    score: float = 0.0
    note: bytes | None = None


LocatedJob = tuple[str, State, JobEntry]
"""A job that was found, with its queue and state."""


def key(state: State, queue: str) -> str:
    """The key of the place."""
    return _KEYS[state](queue)


def key_type(state: State) -> Kind:
    """The type that it should have."""
    return "list" if state == "queued" else "hash" if state == "quarantined" else "zset"


_SIZED_BY: dict[Kind, str] = {"list": "LLEN", "zset": "ZCARD", "hash": "HLEN"}


def stage_size(pipe: Pipeline, state: State, queue: str) -> None:
    """Queue the command that tells how many are there; one of another type is an error among the replies."""
    pipe.execute_command(_SIZED_BY[key_type(state)], key(state, queue))


def stage_first_ids(pipe: Pipeline, state: State, queue: str, most: int) -> None:
    """Queue the command that reads the first ids of a place; `parse_first_ids` reads its reply."""
    where = key(state, queue)
    if key_type(state) == "list":
        pipe.lrange(where, 0, most - 1)
    elif key_type(state) == "hash":
        pipe.hscan(where, 0, count=most)
    else:
        pipe.zrange(where, 0, most - 1)


def parse_first_ids(state: State, reply: Any) -> list[bytes]:
    """The ids in a reply to `stage_first_ids`, None where the key holds another type."""
    if key_type(state) == "hash":
        return list(reply[1]) if reply else []
    return [id_.partition(b":")[0] for id_ in reply or []] if state == "started" else list(reply or [])


def sizes(connection: Redis, places: Sequence[tuple[str, State]]) -> list[int]:
    """How many jobs are in each of these (queue, state). A key of another type holds none."""
    asked = tuple((_SIZED_BY[key_type(state)], key(state, queue)) for queue, state in places)
    return [replies.integer(reply) for reply in bulk_counts.fetch(connection, asked)]


def read(connection: Redis, queue: str, state: State, start: int = 0) -> Iterator[list[JobEntry]]:
    """The jobs of a place in its order, from the `start`-th on, in steps. A quarantine has no order."""
    if key_type(state) == "hash":
        yield from _read_hash(connection, key(state, queue), start)
        return
    before: set[bytes] = set()
    overlap = 0
    while True:
        step = _slice(connection, queue, state, max(0, start - overlap), start + IDS_PER_READ)
        # A job that runs twice is in its place twice, and so is one that was enqueued twice.
        fresh = {found.id: found for found in step if found.id not in before}
        if fresh:
            yield list(fresh.values())
        if not step or step[-1].position + 1 < start + IDS_PER_READ:
            return
        before = {found.id for found in step}
        start, overlap = start + IDS_PER_READ, OVERLAP


def _slice(connection: Redis, queue: str, state: State, start: int, end: int) -> list[JobEntry]:
    where = key(state, queue)
    with connection.pipeline(transaction=False) as pipe:
        if key_type(state) == "list":
            pipe.lrange(where, start, end - 1)
        else:
            pipe.zrange(where, start, end - 1, withscores=True)
        (answer,) = replies.execute(pipe)
    found: list[Any] = replies.granted(answer, [])
    if key_type(state) == "list":
        return [JobEntry(id_, start + n) for n, id_ in enumerate(found)]
    if state == "started":
        return [JobEntry(run.partition(b":")[0], start + n, score) for n, (run, score) in enumerate(found)]
    return [JobEntry(id_, start + n, score) for n, (id_, score) in enumerate(found)]


def _read_hash(connection: Redis, where: str, start: int) -> Iterator[list[JobEntry]]:
    if connection.type(where) != b"hash":
        return
    cursor, passed = 0, 0
    while True:
        cursor, page = connection.hscan(where, cursor, count=IDS_PER_READ)
        found = [JobEntry(id_, note=note) for id_, note in page.items()][max(0, start - passed) :]
        passed += len(page)
        if found:
            yield found
        if not cursor:
            return


def find_positions(connection: Redis, queue: str, ids: Sequence[bytes]) -> dict[bytes, int]:
    """Where in the queue these ids wait now. What takes Redis long is asked of it for a few ids only, near the ends."""
    found: dict[bytes, int] = {}
    if len(ids) <= FEW:
        found = {id_: at for id_ in ids if (at := _near_an_end(connection, queue, id_)) is not None}
    wanted = set(ids) - found.keys()
    for step in read(connection, queue, "queued") if wanted else ():
        found.update((each.id, each.position) for each in step if each.id in wanted)
        if len(found) == len(set(ids)):
            break
    return found


def _near_an_end(connection: Redis, queue: str, id_: bytes) -> int | None:
    with connection.pipeline(transaction=False) as pipe:
        pipe.lpos(keys.queue(queue), id_, maxlen=LPOS_MAXLEN)
        pipe.lpos(keys.queue(queue), id_, rank=-1, maxlen=LPOS_MAXLEN)
        answers = [replies.granted(reply, None) for reply in replies.execute(pipe)]
    return next((at for at in answers if at is not None), None)
