"""A worker's turn with Redis: the ends of the plain jobs that it ran go there, the next claim comes back.

`claim.lua` and `finish.lua` say what each key and argument is.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime, timezone
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import uuid4

from redis import Redis

from qctl import catalog
from qctl.broker.bookkeeping import events
from qctl.broker.redis import keys
from qctl.broker.redis.scripts import Script
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


class EndedJob(NamedTuple):
    """One of the `jobs` of `finish.lua`, which says what each field is."""

    job: str
    results: str
    dependents: str
    job_id: str
    began_at: str
    ended_at: str
    ttl: int
    value: bytes
    execution_id: str
    started: float
    ended: float
    run_ms: int
    trace: bytes
    wait_field: str
    run_field: bytes
    batch_data: bytes


class RecordKeys(NamedTuple):
    """The keys under which RQ's record of a run stands."""

    execution: str
    executions: str
    worker_executions: str


class _Record(NamedTuple):
    """One of the `records` of `finish.lua`."""

    execution: str
    executions: str
    worker_executions: str
    ended_n: int


class _Queue(NamedTuple):
    """One of the `queues` of `claim.lua`."""

    waiting: bytes
    intermediate: bytes
    claims: bytes
    started: bytes
    recoveries: bytes
    name: bytes
    family: bytes
    counts_prefix: bytes


class Success(NamedTuple):
    """The end of a fast-path job, to be written with the next claim.

    `minute` since 1970 is that in which it is counted, `seconds` is how long the job ran, and `record` the keys of the
    record of the run, if there may be one.
    """

    row: EndedJob
    queue: str
    minute: int
    seconds: float
    record: RecordKeys | None = None


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
        now = datetime.now(timezone.utc)
        first = self._count + 1
        self._count += max(most, default=1)
        drawn = self._drawn if self._starting else ""
        values: dict[str, Any] = {
            **_SHARED,
            "claimant": self._name,
            "lease_ms": int(lease * 1000),
            "run_prefix": drawn,
            "first_run": first,
            "now": rq_time(now),
            "max_jobs": most,
            "queues": _queues(tuple(queues)),
        }
        script = _claim
        if ends:
            values |= _values_of(ends)
            script = _finish_and_claim
        self.asked = time.monotonic()
        kind, number, *rest = self._line.run(script, *script.pack(values))
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


def _values_of(ends: Sequence[Success]) -> dict[str, Any]:
    """The values that `finish.lua` needs beside those of `claim.lua`."""
    last = ends[-1]
    return {
        **_keys_of(last.queue, last.minute),
        "minute": last.minute % 60,
        "jobs": [end.row for end in ends],
        "records": [_Record(*end.record, n) for n, end in enumerate(ends, 1) if end.record],
    }


_SHARED: dict[str, Any] = {
    "pauses": keys.PAUSED,
    "suspended": keys.SUSPENDED,
    "leases": keys.LEASES,
    "events": keys.EVENTS,
    "quiet": keys.QUIET,
    "job_prefix": keys.JOB_PREFIX,
    "max_events": events.MAX_ENTRIES,
}
"""The values that are the same with every claim."""


@lru_cache(maxsize=64)
def _queues(queues: tuple[str, ...]) -> list[_Queue]:
    """The rows of `claim.lua`."""
    rows = []
    for queue in queues:
        row = [keys.queue(queue), keys.intermediate(queue), keys.claims(queue), keys.started(queue)]
        row += [keys.recoveries(queue), queue, catalog.base_queue(queue), keys.counts_prefix(queue)]
        rows.append(_Queue(*(text.encode(errors="surrogateescape") for text in row)))
    return rows


@lru_cache(maxsize=64)
def _keys_of(queue: str, minute: int) -> dict[str, bytes]:
    """The values of `finish.lua` that are the same for jobs of one queue in one minute."""
    values = {
        "started": keys.started(queue),
        "finished": keys.finished(queue),
        "claims": keys.claims(queue),
        "recoveries": keys.recoveries(queue),
        "intermediate": keys.intermediate(queue),
        "totals": keys.TOTALS,
        "breakers": keys.BREAKERS,
        "counts": keys.counts(queue, minute // 60),
        "times": keys.durations(queue, minute),
        "queue": queue,
    }
    return {name: text.encode(errors="surrogateescape") for name, text in values.items()}


def rq_time(moment: datetime) -> str:
    """A moment in UTC as RQ writes it in a job's hash."""
    return moment.isoformat(timespec="microseconds")[:26] + "Z"


def claimed_at(claim: str | bytes) -> int:
    """When a claim was made, in microseconds of Redis's clock; those made together count on, in their order. Zero where
    it cannot be read."""
    text = claim.decode(errors="replace") if isinstance(claim, bytes) else claim
    at = text.rpartition("|")[2]
    return int(at) if at.isdecimal() and len(at) < 20 else 0
