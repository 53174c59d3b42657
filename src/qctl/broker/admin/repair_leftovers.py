"""Repairs leftovers: what stock RQ's maintenance and qctl's recovery leave alone.

A started job of a dead stock worker is treated by RQ's own rule: it is tried again if it has retries left, else it
becomes a dead letter of `AbandonedJobError`. A job that was claimed by qctl's script goes back to its queue instead, by
`broker/worker/recovery.py`. Each script checks again what `query/leftovers.py` has seen.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Literal

from redis import Redis
from rq.results import Result
from rq.serializers import JSONSerializer

from qctl.broker.admin import dependents, queue_values, rate_limit_slots
from qctl.broker.bookkeeping import audit, counters, dead_letter_index
from qctl.broker.query import job_locations
from qctl.broker.query.dead_claims import RECOVERY_SECONDS
from qctl.broker.query.leftovers import Leftover
from qctl.broker.redis import job_fields, keys, relation_keys, replies, untrusted_fields
from qctl.broker.redis.scripts import Script
from qctl.broker.worker import recovery
from qctl.broker.worker.lease import MAX_LEASE_SECONDS

JOBS_PER_CALL = 200
"""Ids that a script call takes, in about 1 ms."""

ABANDONED = "AbandonedJobError: its worker is gone, and the lease of the run is over"
"""Error of a job that was left by a dead worker."""

TRIED_AGAIN = ("queued", "limited", "scheduled")
"""Words of `abandon` for a job that is tried again."""

_PARTS = ("redis/types", "bookkeeping/step", "admin/put_in_queue")
_abandon = Script("admin/abandon", after=(*_PARTS, "worker/runs"))
_return_unstarted = Script("admin/return_unstarted", after=("redis/types", "bookkeeping/step"))
_enqueue_ready = Script("admin/enqueue_ready", after=_PARTS)
_delete_ghosts = Script("admin/delete_ghosts", after=("redis/types", "bookkeeping/step"))


def repair(connection: Redis, found: Iterable[Leftover], *, actor: str) -> Counter[str]:
    """Repair these leftovers. Returns how many of each kind were repaired; `dead` counts the new dead letters among the
    abandoned jobs.

    May be interrupted and repeated: an entry that is no leftover by then is not changed.
    """
    repaired: Counter[str] = Counter()
    for (queue, kind, state), group in groupby(sorted(found, key=_place), key=_place):
        leftovers = list(group)
        if state == "started":
            for leftover in leftovers:
                _count(repaired, abandon(connection, queue, leftover.id, actor=actor))
        elif kind == "unrecovered":
            repaired[kind] += sum(_recover(connection, leftover, actor) for leftover in leftovers)
        elif kind == "unstarted":
            repaired[kind] += sum(_return(connection, leftover, actor) for leftover in leftovers)
        elif kind == "ready":
            repaired[kind] += _enqueue(connection, leftovers, actor)
        else:
            repaired[kind] += _delete(connection, leftovers, actor)
    return repaired


def _place(leftover: Leftover) -> tuple[str, str, str]:
    return leftover.queue, leftover.kind, leftover.state or ""


def _count(repaired: Counter[str], word: str) -> None:
    if word in ("ended", "gone"):
        repaired["ended" if word == "ended" else "ghost"] += 1
    elif word in TRIED_AGAIN or word in ("dead", "discarded"):
        repaired["abandoned"] += 1
        repaired["dead"] += word == "dead"


def abandon(
    connection: Redis,
    queue: str,
    id_: bytes,
    *,
    actor: str,
    verb: Literal["retry", "die"] = "retry",
    reason: str = ABANDONED,
    force: bool = False,
    counts: bool = True,
) -> str:
    """End the run of a started job whose worker is gone. Returns a word, as in `abandon.lua`.

    With `verb` die it is not tried again, and a job that nobody recovers is ended too. With `force` the lease of the
    run need not be over; a worker of qctl that has claimed the job keeps it as long as its own lease lasts. `counts` is
    False if the job is counted by the step of its command that follows.
    """
    job_id = untrusted_fields.decode(id_)
    data, description = replies.field_values(connection.hmget(keys.job(job_id), "data", "description"), 2)
    function = untrusted_fields.function_name({"data": data, "description": description})
    parts = dead_letter_index.describe_cause(function, reason)
    fingerprint = dead_letter_index.fingerprint(parts)
    result = Result(job_id, Result.Type.FAILED, connection, exc_string=reason, serializer=JSONSerializer).serialize()
    reply = _abandon(
        connection,
        started=keys.started(queue),
        claims=keys.claims(queue),
        intermediate=keys.intermediate(queue),
        job=keys.job(job_id),
        executions=keys.executions(job_id),
        waiting=keys.queue(queue),
        scheduled=keys.scheduled(queue),
        failed=keys.failed(queue),
        results=keys.results(job_id),
        causes=keys.causes(queue),
        letters=keys.cause(queue, fingerprint),
        leases=keys.LEASES,
        job_id=job_id,
        queue=queue,
        execution_prefix=keys.execution_prefix(job_id),
        maxlen=job_locations.LPOS_MAXLEN,
        force="force" if force else "",
        verb=verb,
        recovery_ms=0 if force else RECOVERY_SECONDS * 1000,
        max_lease_ms=round(MAX_LEASE_SECONDS * 1000),
        counted=int(counts),
        default_ttl=dead_letter_index.NEVER_EXPIRES_TTL,
        fingerprint=fingerprint,
        fingerprint_field=job_fields.FINGERPRINT,
        cause=json.dumps(parts),
        reason=reason,
        traceback=reason,
        result=[part for pair in result.items() for part in pair],
        **queue_values.values(connection),
        **audit.step_values(actor),
    )
    word = replies.word(reply)
    if word == "limited":
        rate_limit_slots.acquire(connection, job_id)
    elif word in ("dead", "discarded"):
        rate_limit_slots.release(connection, job_id)
        dependents.end(connection, [job_id], "allowed", actor=actor, reason=f"{job_id} failed, which it allows")
    counter = "dead" if word == "dead" else "retried" if word in TRIED_AGAIN else ""
    if counter:
        with connection.pipeline() as pipe:
            counters.increment(pipe, queue, counter)
            pipe.execute()
    return word


def end_abandoned(connection: Redis, queue: str, ids: Iterable[bytes], *, actor: str) -> None:
    """Make dead letters of started jobs whose worker is gone, before an operator's action on them."""
    for id_ in ids:
        abandon(connection, queue, id_, actor=actor, verb="die", counts=False)


def _recover(connection: Redis, leftover: Leftover, actor: str) -> bool:
    job_id, claim = untrusted_fields.decode(leftover.id), untrusted_fields.decode(leftover.member)
    return recovery.recover(connection, leftover.queue, job_id, claim, by=actor) in ("recovered", "quarantined")


def _return(connection: Redis, leftover: Leftover, actor: str) -> bool:
    reply = _return_unstarted(
        connection,
        intermediate=keys.intermediate(leftover.queue),
        claims=keys.claims(leftover.queue),
        waiting=keys.queue(leftover.queue),
        job=keys.job(untrusted_fields.decode(leftover.id)),
        job_id=leftover.id,
        queue=leftover.queue,
        maxlen=job_locations.LPOS_MAXLEN,
        **audit.step_values(actor),
    )
    return replies.word(reply) in ("queued", "removed")


def _enqueue(connection: Redis, leftovers: Sequence[Leftover], actor: str) -> int:
    queue, done = leftovers[0].queue, 0
    for start in range(0, len(leftovers), JOBS_PER_CALL):
        ids = [leftover.id for leftover in leftovers[start : start + JOBS_PER_CALL]]
        reply = _enqueue_ready(
            connection,
            ready=relation_keys.ready(queue),
            waiting=keys.queue(queue),
            queue=queue,
            job_prefix=keys.JOB_PREFIX,
            job_ids=ids,
            **queue_values.values(connection),
            **audit.step_values(actor),
        )
        words = list(map(replies.word, replies.array(reply)))
        for id_, word in zip(ids, words, strict=True):
            if word == "limited":
                rate_limit_slots.acquire(connection, untrusted_fields.decode(id_))
        done += sum(word != "absent" for word in words)
    return done


def _delete(connection: Redis, leftovers: Sequence[Leftover], actor: str) -> int:
    queue, state, done = leftovers[0].queue, leftovers[0].state or "queued", 0
    for start in range(0, len(leftovers), JOBS_PER_CALL):
        page = leftovers[start : start + JOBS_PER_CALL]
        reply = _delete_ghosts(
            connection,
            location=job_locations.key(state, queue),
            causes=keys.causes(queue),
            queue=queue,
            kind=job_locations.key_type(state),
            job_prefix=keys.JOB_PREFIX,
            cause_prefix=keys.cause(queue, ""),
            reason=f"their data is gone; they were {state}",
            job_ids=[leftover.id for leftover in page],
            members=[leftover.member for leftover in page],
            **audit.step_values(actor),
        )
        done += replies.integer(reply)
    return done
