"""Finds leftovers: entries of lists and registries that nobody will act on, as stock RQ and lost data leave them.

Kinds of leftovers:

- `abandoned`: a started job whose worker is gone. RQ's lease on it is over, and no worker of qctl has a claim on it.
- `ended`: the entry of a run whose job has ended, or goes on elsewhere (RQ issue 2289).
- `unstarted`: a job that a stock worker took off its queue and never started.
- `ready`: a job whose dependencies are met, and that RQ 3 did not enqueue.
- `unrecovered`: a job that a worker of qctl, or a stock one with qctl's queue class, had claimed when it died, and that
  nothing returned to its queue since.
- `ghost`: the id of a job whose hash is gone: expired, evicted, or deleted by hand.

All but ghosts are few and found at once. Ghosts are found by reading every location, page by page.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from time import sleep
from typing import Literal, NamedTuple

from redis import Redis

from qctl.broker.query import dead_claims, job_locations
from qctl.broker.query.dead_claims import Leases
from qctl.broker.redis import clock, key_prefix, keys, relation_keys, replies, untrusted_fields
from qctl.models import State

LeftoverKind = Literal["abandoned", "ended", "unstarted", "ready", "unrecovered", "ghost"]

MAX_RUNS_READ = 1000
"""Maximum entries of one registry read at once. Further ones are found after these are repaired."""

READY_SECONDS = 5.0
"""Time after which a ready job was left behind: RQ enqueues it in the next step."""

UNSTARTED_SECONDS = 60.0
"""Age of a job that may have been left unstarted. RQ's own limit for its intermediate list."""

GHOST_STATES: tuple[State, ...] = (
    *("queued", "scheduled", "deferred", "finished", "failed", "canceled", "quarantined"),
)
"""States whose locations are searched for ghosts. Those of started jobs are found by their leases."""


class Leftover(NamedTuple):
    """One entry that nobody will act on: `member` in the location of `state`, None for a place that is no state. The
    member of an unrecovered job is its claim."""

    kind: LeftoverKind
    queue: str
    id: bytes
    member: bytes
    state: State | None = None


def all_queues(connection: Redis) -> list[str]:
    """Return every queue in RQ's set of queues, and those that have only registries, sorted. Reads all keys by SCAN."""
    return sorted({*_listed(connection), *unlisted_queues(connection)})


def _listed(connection: Redis) -> set[str]:
    names = replies.bytes_set(connection.smembers(keys.QUEUES))
    return {keys.queue_name(key) for key in names if untrusted_fields.decode(key).startswith(keys.QUEUE_PREFIX)}


def unlisted_queues(connection: Redis) -> list[str]:
    """Return the queues that have jobs but are missing from RQ's set of queues, so that no tool of RQ's shows them."""
    prefixes = [
        untrusted_fields.encode(make(""))
        for make in (
            keys.queue,
            keys.started,
            keys.scheduled,
            keys.deferred,
            keys.failed,
            keys.canceled,
            relation_keys.ready,
        )
    ]
    suffix = untrusted_fields.encode(keys.intermediate("")).removeprefix(untrusted_fields.encode(keys.QUEUE_PREFIX))
    found: set[str] = set()
    for kind in ("list", "zset"):
        for key in connection.scan_iter(match=f"{keys.escape_pattern(key_prefix.RQ)}:*", count=1000, _type=kind):
            prefix = next((prefix for prefix in prefixes if key.startswith(prefix)), None)
            if prefix is not None:
                found.add(untrusted_fields.decode(key.removeprefix(prefix).removesuffix(suffix)))
    return sorted(found - _listed(connection) - {""})


def find_runs(connection: Redis, queues: Sequence[str], *, confirm_seconds: float = 1.0) -> list[Leftover]:
    """Return all leftovers but ghosts of the registries. Writes nothing.

    A job that a stock worker is about to start looks unstarted; it is one if it is there `confirm_seconds` later. So
    does a claim look unrecovered after Redis was away, until its claimant renews its lease.
    """
    found = _read(connection, queues)
    if any(leftover.kind in ("unstarted", "unrecovered") for leftover in found):
        sleep(confirm_seconds)
        again = set(_read(connection, queues))
        found = [leftover for leftover in found if leftover in again]
    return found


def unstarted(connection: Redis, queues: Sequence[str]) -> list[Leftover]:
    """Return the jobs that look unstarted at this moment."""
    return [leftover for leftover in _read(connection, queues) if leftover.kind == "unstarted"]


def _read(connection: Redis, queues: Sequence[str]) -> list[Leftover]:
    now = clock.now_ms(connection) / 1000
    with connection.pipeline(transaction=False) as pipe:
        dead_claims.stage(pipe)
        for queue in queues:
            pipe.hgetall(keys.claims(queue))
            pipe.zrangebyscore(keys.started(queue), "-inf", now, 0, MAX_RUNS_READ)
            pipe.lrange(keys.intermediate(queue), 0, MAX_RUNS_READ - 1)
            pipe.zrangebyscore(relation_keys.ready(queue), "-inf", now - READY_SECONDS, 0, MAX_RUNS_READ)
        raw_leases, *answers = replies.execute(pipe)
    leases = Leases(raw_leases, now * 1000)
    suspects: list[Leftover] = []
    for n, queue in enumerate(queues):
        claims, (runs, taken, ready) = answers[4 * n], map(replies.bytes_list, answers[4 * n + 1 : 4 * n + 4])
        suspects += [
            Leftover("unrecovered", queue, id_, claim)
            for id_, claim in replies.bytes_dict(claims).items()
            if leases.is_left(claim)
        ]
        suspects += [Leftover("abandoned", queue, job_locations.started_job_id(run), run, "started") for run in runs]
        suspects += [Leftover("unstarted", queue, id_, id_) for id_ in dict.fromkeys(taken)]
        suspects += [Leftover("ready", queue, id_, id_) for id_ in ready]
    return list(_judged(connection, suspects, now))


def _judged(connection: Redis, suspects: Sequence[Leftover], now: float) -> Iterator[Leftover]:
    """Yield those suspects that nobody has, each with its real kind."""
    with connection.pipeline(transaction=False) as pipe:
        for suspect in suspects:
            pipe.hexists(keys.claims(suspect.queue), suspect.id)
            pipe.hmget(keys.job(untrusted_fields.decode(suspect.id)), "status", "enqueued_at", "created_at")
        answers = replies.execute(pipe) if suspects else []
    for suspect, claimed, reply in zip(suspects, answers[::2], answers[1::2], strict=True):
        status, *raw_times = replies.field_values(reply, 3)
        if suspect.kind in ("ready", "unrecovered"):
            yield suspect
        elif replies.is_hidden(claimed) or replies.integer(claimed):
            continue
        elif suspect.kind == "abandoned":
            yield suspect if status == b"started" else suspect._replace(kind="ghost" if status is None else "ended")
        else:
            times = [at.timestamp() for raw in raw_times if (at := untrusted_fields.parse_time(raw))]
            if not times or max(times) < now - UNSTARTED_SECONDS:
                yield suspect


def find_ghosts(connection: Redis, queues: Iterable[str]) -> Iterator[tuple[int, list[Leftover]]]:
    """Yield how many ids were read, and the ghosts among them, page by page. Writes nothing."""
    for queue in queues:
        for state in GHOST_STATES:
            for page in job_locations.read(connection, queue, state):
                with connection.pipeline(transaction=False) as pipe:
                    for entry in page:
                        pipe.exists(keys.job(untrusted_fields.decode(entry.id)))
                    exists = replies.execute(pipe)
                yield (
                    len(page),
                    [
                        Leftover("ghost", queue, entry.id, entry.id, state)
                        for entry, reply in zip(page, exists, strict=True)
                        if not replies.integer(reply, 1)
                    ],
                )
