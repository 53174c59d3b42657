"""Requests to claim jobs: one round trip writes the ends of the last fast-path jobs and claims the next.

The heads of `claim.lua` and `finish.lua` describe each value.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime, timezone
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple, cast
from uuid import uuid4

from redis import Redis

from qctl import catalog
from qctl.broker.bookkeeping import events
from qctl.broker.redis import keys, limit_keys
from qctl.broker.redis.scripts import Script
from qctl.broker.worker.claim_connection import ClaimConnection

if TYPE_CHECKING:
    from qctl.broker.worker.job_log import LogRow

_claim = Script("worker/claim")
_finish_and_claim = Script("worker/claim", after=("worker/kept_runs", "worker/finish"))


class Claim(NamedTuple):
    """A claimed job. `fields` is its raw hash, or None with the `problem` if its key holds no hash.

    A fast-path job was started too, as the run `execution_id`, at `started_at`; its `fields` are those before the
    start. A `prefetched` one was started together with another, and waits until that has ended.
    """

    queue: str
    job_id: str
    fields: dict[bytes, bytes] | None
    problem: str = ""
    execution_id: str = ""
    started_at: datetime | None = None
    prefetched: bool = False


class EndedJob(NamedTuple):
    """One of the `jobs` of `finish.lua`, whose head describes each field."""

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
    """The keys of RQ's record of a run."""

    execution: str
    executions: str
    worker_executions: str


class _Record(NamedTuple):
    """One of the `records` of `finish.lua`."""

    execution: str
    executions: str
    worker_executions: str
    ended_n: int


class _Log(NamedTuple):
    """One of the `logs` of `finish.lua`."""

    job: str
    field: str
    text: bytes
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


class JobEnd(NamedTuple):
    """The successful end of a fast-path job, to be written with the next claim.

    `minute` is the minute since 1970 in which it is counted, `seconds` is how long the job ran, and `record` the keys
    of RQ's record of the run, if there may be one. `log` holds the lines that the job logged, if it logged any.
    """

    row: EndedJob
    queue: str
    minute: int
    seconds: float
    record: RecordKeys | None = None
    log: LogRow | None = None


class _Sent(NamedTuple):
    """A request whose reply was not read yet: what it needs to be read."""

    queues: Sequence[str]
    first_run: int
    at: datetime
    is_ahead: bool


class UnwrittenEndsError(Exception):
    """Some ends of fast-path jobs were not written, and nothing was claimed; the other ends were written.

    `lost` and `refused` are positions among the ends, from 0: jobs that are no longer this claimant's, and jobs that
    only RQ itself can end, because they have dependents or another state.
    """

    def __init__(self, lost: Sequence[int], refused: Sequence[int]) -> None:
        super().__init__()
        self.lost = lost
        self.refused = refused


class ClaimRequests:
    """Sends the claim requests of one thread of the claimant `name`.

    With `fast_path` it starts fast-path jobs in the step that claims them.
    """

    def __init__(self, connection: Redis, name: str, *, fast_path: bool) -> None:
        self._connection = ClaimConnection(connection)
        self._name = name
        self._run_prefix = uuid4().hex[:24] if fast_path else ""
        self._runs = 0
        self._sent: _Sent | None = None
        self.sent_at = 0.0
        """Time of the last request, by `time.monotonic`: no claim of its reply is older."""

    def send(
        self, queues: Sequence[str], max_jobs: Sequence[int], ends: Sequence[JobEnd] = (), lease_seconds: float = 0.0
    ) -> tuple[list[Claim], str | None]:
        """Write the ends, of jobs of one queue, and claim the next job in the order of `queues`.

        With a fast-path job those behind it are claimed too, up to the queue's `max_jobs` together. Renews the lease
        if `lease_seconds` is not 0. Returns the claims, and the queue to wait on: the first that is not paused, if any.
        Raises UnwrittenEndsError, and redis-py's exceptions.
        """
        self.post(queues, max_jobs, ends, lease_seconds)
        return self.read()

    def post(
        self,
        queues: Sequence[str],
        max_jobs: Sequence[int],
        ends: Sequence[JobEnd] = (),
        lease_seconds: float = 0.0,
        *,
        ahead: bool = False,
    ) -> None:
        """Send a request as `send` does, but leave its reply to `read`, which must be called next.

        With `ahead` it claims only fast-path jobs that an earlier claim could have prefetched: those of the last of
        the queues, if the queues before it have none.
        """
        now = datetime.now(timezone.utc)
        first_run = self._runs + 1
        self._runs += max(max_jobs, default=1)
        values: dict[str, Any] = {
            **_SHARED,
            "claimant": self._name,
            "lease_ms": int(lease_seconds * 1000),
            "run_prefix": self._run_prefix,
            "first_run": first_run,
            "now": rq_time(now),
            "ahead": int(ahead),
            "max_jobs": max_jobs,
            "queues": _queues(tuple(queues)),
        }
        script = _claim
        if ends:
            values |= _values_of(ends)
            script = _finish_and_claim
        self.sent_at = time.monotonic()
        self._sent = _Sent(queues, first_run, now, ahead)
        self._connection.send(script, *script.pack(values))

    def read(self) -> tuple[list[Claim], str | None]:
        """Return what `send` does, for the request that was posted. Raises what `send` does."""
        kind, number, *rest = self._connection.read()
        sent, self._sent = cast("_Sent", self._sent), None
        queues = sent.queues
        if kind == 4:
            raise _unwritten_ends([number, *rest])
        if kind == 0:
            return [], queues[number - 1] if number else None
        queue = queues[number - 1]
        if kind == 3:
            return self._started(queue, rest, sent), queue
        job_id = rest[0].decode(errors="surrogateescape")
        if kind == 2:
            return [Claim(queue, job_id, None, f"its data is a {rest[1].decode()}, not a hash")], queue
        return [Claim(queue, job_id, _fields(rest[1]))], queue

    def _started(self, queue: str, rest: Sequence[Any], sent: _Sent) -> list[Claim]:
        """The claims of jobs that were started together. `rest` holds ids and fields alternately."""
        return [
            Claim(
                queue,
                id_.decode(errors="surrogateescape"),
                _fields(fields),
                "",
                f"{self._run_prefix}{sent.first_run + n:08x}",
                sent.at,
                n > 0 or sent.is_ahead,
            )
            for n, (id_, fields) in enumerate(zip(rest[::2], rest[1::2], strict=True))
        ]


def _fields(flat: Sequence[bytes]) -> dict[bytes, bytes]:
    return dict(zip(flat[::2], flat[1::2], strict=True))


def _unwritten_ends(reply: Sequence[int | bytes]) -> UnwrittenEndsError:
    reasons = [(int(number) - 1, why) for number, why in zip(reply[::2], reply[1::2], strict=True)]
    return UnwrittenEndsError([n for n, why in reasons if why == b"lost"], [n for n, why in reasons if why != b"lost"])


_SHARED: dict[str, Any] = {
    "pauses": keys.PAUSED,
    "suspended": keys.SUSPENDED,
    "leases": keys.LEASES,
    "events": keys.EVENTS,
    "quiet": keys.QUIET,
    "limits": limit_keys.LIMITS,
    "job_prefix": keys.JOB_PREFIX,
    "limit_prefix": limit_keys.LIMIT_PREFIX,
    "claims_prefix": keys.claims(""),
    "max_events": events.MAX_ENTRIES,
}
"""Values of `claim.lua` that are the same in every request."""


def _values_of(ends: Sequence[JobEnd]) -> dict[str, Any]:
    """The values that `finish.lua` needs beside those of `claim.lua`."""
    last = ends[-1]
    return {
        **_keys_of(last.queue, last.minute),
        "minute": last.minute % 60,
        "jobs": [end.row for end in ends],
        "records": [_Record(*end.record, n) for n, end in enumerate(ends, 1) if end.record],
        "logs": [_Log(*end.log, n) for n, end in enumerate(ends, 1) if end.log],
    }


@lru_cache(maxsize=64)
def _queues(queues: tuple[str, ...]) -> list[_Queue]:
    """The rows `queues` of `claim.lua`."""
    rows = []
    for queue in queues:
        row = [keys.queue(queue), keys.intermediate(queue), keys.claims(queue), keys.started(queue)]
        row += [keys.recoveries(queue), queue, catalog.base_queue(queue), keys.counts_prefix(queue)]
        rows.append(_Queue(*(text.encode(errors="surrogateescape") for text in row)))
    return rows


@lru_cache(maxsize=64)
def _keys_of(queue: str, minute: int) -> dict[str, bytes]:
    """The values of `finish.lua` that are the same for all jobs of a queue in one minute."""
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
    """A time in UTC as RQ writes it in a job's hash."""
    return moment.isoformat(timespec="microseconds")[:26] + "Z"


def claimed_at(claim: str | bytes) -> int:
    """The time of a claim in microseconds of Redis's clock, 0 if it cannot be read.

    Claims of one request have consecutive times, in the order of the jobs.
    """
    text = claim.decode(errors="replace") if isinstance(claim, bytes) else claim
    at = text.rpartition("|")[2]
    return int(at) if at.isdecimal() and len(at) < 20 else 0
