"""A worker's turn with Redis: the ends of the plain jobs that it ran go there, the next claim comes back.

`claim.lua` and `finish.lua` say what each key and argument is.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime, timezone
from functools import lru_cache
from typing import NamedTuple
from uuid import uuid4

from redis import Redis

from qctl import catalog
from qctl.broker.bookkeeping import events
from qctl.broker.redis import keys
from qctl.broker.redis.scripts import Argument, Script
from qctl.broker.worker.claim_connection import Line

_claim = Script("worker/claim")
_finish_and_claim = Script("worker/claim", after="worker/finish")


class Claim(NamedTuple):
    """A job that was claimed. `fields` is its raw hash, or None with `problem` where its key holds no hash.

    A plain job was started too, as the run `execution`, at `started_at`; `fields` say what was before. One that is
    `held` was started together with one before it, and waits for that in the worker's hand.
    """

    queue: str
    job_id: str
    fields: dict[bytes, bytes] | None
    problem: str = ""
    execution: str = ""
    started_at: datetime | None = None
    held: bool = False


class Success(NamedTuple):
    """The end of a plain job, to be written with the next claim.

    `minute` since 1970 is that in which it is counted, `keys` and `args` are what `finish.lua` wants of the job, and
    `record` the keys of what was recorded of the run, if it was. `value` is what the job returned, as it is kept.
    """

    job_id: str
    queue: str
    minute: int
    keys: Sequence[bytes]
    args: Sequence[Argument]
    value: bytes
    ran: float
    record: Sequence[str] = ()


class UnfinishedError(Exception):
    """Some ends of plain jobs were not written, and nothing was claimed; the other ends were written.

    `lost` and `refused` count from 0 among the ends: those whose job is no longer this claimant's, and those of jobs
    that have got what only RQ's own way can end.
    """

    def __init__(self, lost: Sequence[int], refused: Sequence[int]) -> None:
        super().__init__()
        self.lost = lost
        self.refused = refused


class Turns:
    """The turns of one thread of the claimant `name`. With `starting` plain jobs are started in the step that claims
    them."""

    def __init__(self, connection: Redis, name: str, *, starting: bool) -> None:
        self._line = Line(connection)
        self._name = name
        self._starting = starting
        self._drawn = uuid4().hex[:24]
        self._count = 0
        self.asked = 0.0
        """When Redis was asked last, by `time.monotonic`: nothing that came was claimed before."""

    def run(
        self, queues: Sequence[str], most: Sequence[int], ends: Sequence[Success] = (), lease: float = 0.0
    ) -> tuple[list[Claim], str | None]:
        """Write the ends, of jobs of one queue, and claim the next job in the order of `queues`; with a plain one also
        those behind it, up to so many in all as `most` says of their queue. Renew the lease for so many seconds.

        Returns the claims, and the queue to wait on: the first that is not held, if any. Raises UnfinishedError, and
        what redis-py raises.
        """
        places, names = _places(tuple(queues))
        now = datetime.now(timezone.utc)
        first = self._count + 1
        self._count += max(most, default=1)
        drawn = self._drawn if self._starting else ""
        args: list[Argument] = [
            self._name,
            keys.JOB_PREFIX,
            int(lease * 1000),
            events.MAX_ENTRIES,
            len(queues),
            drawn,
            first,
        ]
        args += [rq_time(now), *names, *most]
        self.asked = time.monotonic()
        if ends:
            of_ends, told = _of_ends(ends)
            kind, number, *rest = self._line.run(_finish_and_claim, (*places, *of_ends), (*args, *told))
        else:
            kind, number, *rest = self._line.run(_claim, places, args)
        if kind == 4:
            raise _unfinished([number, *rest])
        if kind == 0:
            return [], queues[number - 1] if number else None
        queue, ids = queues[number - 1], [id_.decode(errors="surrogateescape") for id_ in rest[::2]]
        if kind == 2:
            return [Claim(queue, ids[0], None, f"its data is a {rest[1].decode()}, not a hash")], queue
        hashes = [dict(zip(flat[::2], flat[1::2], strict=True)) for flat in rest[1::2]]
        if kind == 1:
            return [Claim(queue, ids[0], hashes[0])], queue
        return [
            Claim(queue, id_, fields, "", f"{drawn}{first + n:08x}", now, n > 0)
            for n, (id_, fields) in enumerate(zip(ids, hashes, strict=True))
        ], queue


def _unfinished(reply: Sequence[int | bytes]) -> UnfinishedError:
    found = [(int(number) - 1, why) for number, why in zip(reply[::2], reply[1::2], strict=True)]
    return UnfinishedError([n for n, why in found if why == b"lost"], [n for n, why in found if why != b"lost"])


def _of_ends(ends: Sequence[Success]) -> tuple[list[bytes], list[Argument]]:
    queue, minute = ends[-1].queue, ends[-1].minute
    places = list(_of_queue(queue, minute))
    args: list[Argument] = [len(ends), queue.encode(errors="surrogateescape"), minute % 60]
    for end in ends:
        places += end.keys
        places += [key.encode() for key in end.record]
        args += end.args
        args.append(len(end.record))
    return places, args


@lru_cache(maxsize=64)
def _places(queues: tuple[str, ...]) -> tuple[list[bytes], list[bytes]]:
    """The keys of `claim.lua`, and its arguments from the ninth on: the same with every claim."""
    places = [keys.PAUSED, keys.SUSPENDED, keys.LEASES, keys.EVENTS, keys.QUIET]
    names = []
    for queue in queues:
        places += [keys.queue(queue), keys.intermediate(queue), keys.claims(queue), keys.started(queue)]
        places.append(keys.recoveries(queue))
        names += [queue, catalog.base_queue(queue), keys.counts_prefix(queue)]
    return [key.encode(errors="surrogateescape") for key in places], [
        name.encode(errors="surrogateescape") for name in names
    ]


@lru_cache(maxsize=64)
def _of_queue(queue: str, minute: int) -> list[bytes]:
    """The first keys of `finish.lua`."""
    places = [keys.started(queue), keys.finished(queue), keys.claims(queue), keys.recoveries(queue)]
    places += [keys.intermediate(queue), keys.TOTALS, keys.BREAKERS]
    places += [keys.counts(queue, minute // 60), keys.durations(queue, minute)]
    return [key.encode(errors="surrogateescape") for key in places]


def rq_time(moment: datetime) -> str:
    """A moment in UTC as RQ writes it in a job's hash."""
    return moment.isoformat(timespec="microseconds")[:26] + "Z"


def claimed_at(claim: str | bytes) -> int:
    """When a claim was made, in microseconds of Redis's clock; those made together count on, in their order. Zero where
    it cannot be read."""
    text = claim.decode(errors="replace") if isinstance(claim, bytes) else claim
    at = text.rpartition("|")[2]
    return int(at) if at.isdecimal() and len(at) < 20 else 0
