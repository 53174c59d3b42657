"""Reads which jobs wait for which: dependents of jobs, and jobs that would wait for ever."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from time import sleep

from redis import Redis

from qctl.broker.query import job_locations
from qctl.broker.redis import job_fields, keys, relation_keys, replies, untrusted_fields
from qctl.models import StrandedJob

IDS_PER_READ = 1000

CONFIRM_SECONDS = 1.0
"""Time (s) after which a job must still wait: RQ enqueues dependents a moment after their dependency has ended."""

SAMPLE_QUEUES, SAMPLE_JOBS = 50, 100
"""Queues, and deferred jobs of each, that a quick check reads."""

SAMPLE_CONFIRM_SECONDS = 0.2
"""CONFIRM_SECONDS of a quick check, which is repeated."""

DEAD, DISCARDED = "is a dead letter", "is in the trash"

_ENDED = {
    "gone": "is gone",
    "canceled": "is canceled",
    "trash": DISCARDED,
    "failed": DEAD,
    "stopped": "was stopped",
}
"""States of a dependency that does not finish by itself, with their descriptions."""


def waiting_for(connection: Redis, ids: Iterable[str]) -> tuple[list[str], int]:
    """Return those of these jobs for which others wait, and how many others that is."""
    parents: list[str] = []
    waiting: set[str] = set()
    own = list(ids)
    for start in range(0, len(own), IDS_PER_READ):
        page = own[start : start + IDS_PER_READ]
        with connection.pipeline(transaction=False) as pipe:
            for id_ in page:
                pipe.smembers(keys.dependents(id_))
            answers = replies.execute(pipe)
        children = {
            id_: list(map(untrusted_fields.decode, replies.bytes_set(reply)))
            for id_, reply in zip(page, answers, strict=True)
            if reply
        }
        states = states_of(connection, [child for listed in children.values() for child in listed])
        for id_, listed in children.items():
            deferred = [child for child in listed if states[child] == "deferred"]
            waiting.update(deferred)
            if deferred:
                parents.append(id_)
    return parents, len(waiting - set(own))


def states_of(connection: Redis, ids: Sequence[str]) -> Mapping[str, str]:
    """Return the status of each job by its hash; `gone` without one, `trash` if it is in the trash."""
    if not ids:
        return {}
    with connection.pipeline(transaction=False) as pipe:
        for id_ in ids:
            pipe.hmget(keys.job(id_), "status", job_fields.TRASH_BATCH)
        answers = replies.execute(pipe)
    states = {}
    for id_, reply in zip(ids, answers, strict=True):
        status, batch = map(untrusted_fields.decode, replies.field_values(reply, 2))
        states[id_] = "trash" if status == "canceled" and batch else status or "gone"
    return states


# --- jobs that would wait for ever --------------------------------------------------------------------------


def find_stranded(
    connection: Redis, queues: Iterable[str], *, confirm_seconds: float = CONFIRM_SECONDS
) -> Iterator[StrandedJob]:
    """Yield deferred jobs that nothing will enqueue: one of their dependencies was canceled or is dead, or none is left
    that could finish."""
    for queue in queues:
        for page in job_locations.read(connection, queue, "deferred"):
            ids = [untrusted_fields.decode(entry.id) for entry in page]
            found = dict(_stranded(connection, ids))
            if found and confirm_seconds:
                sleep(confirm_seconds)
            for id_, (reasons, allows_failure) in _stranded(connection, list(found)):
                yield StrandedJob(id_, queue, reasons, allows_failure)


def find_stranded_sample(connection: Redis, queues: Sequence[str]) -> list[StrandedJob]:
    """Return those that nothing will enqueue of the first SAMPLE_JOBS deferred jobs of each of the first SAMPLE_QUEUES
    of these queues, in at most six round trips."""
    chosen = list(queues)[:SAMPLE_QUEUES]
    if not chosen:
        return []
    with connection.pipeline(transaction=False) as pipe:
        for queue in chosen:
            pipe.zrange(keys.deferred(queue), 0, SAMPLE_JOBS - 1)
        pages = [replies.bytes_list(reply) for reply in replies.execute(pipe)]
    queue_of = {untrusted_fields.decode(id_): queue for queue, page in zip(chosen, pages, strict=True) for id_ in page}
    suspects = dict(_stranded(connection, list(queue_of)))
    if suspects:
        sleep(SAMPLE_CONFIRM_SECONDS)
    return [
        StrandedJob(id_, queue_of[id_], reasons, allows)
        for id_, (reasons, allows) in _stranded(connection, list(suspects))
    ]


def _stranded(connection: Redis, ids: Sequence[str]) -> Iterator[tuple[str, tuple[dict[str, str], bool]]]:
    if not ids:
        return
    with connection.pipeline(transaction=False) as pipe:
        for id_ in ids:
            pipe.hmget(keys.job(id_), "status", "dependency_ids", "allow_dependency_failures")
            pipe.smembers(relation_keys.dependencies(id_))
        answers = replies.execute(pipe)
    dependencies: dict[str, tuple[list[str], bool]] = {}
    for id_, fields, members in zip(ids, answers[::2], answers[1::2], strict=True):
        status, listed, allowed = replies.field_values(fields, 3)
        if status == b"deferred":
            registered = sorted(map(untrusted_fields.decode, replies.bytes_set(members)))
            dependencies[id_] = (registered or untrusted_fields.parse_ids(listed), allowed == b"1")
    states = states_of(connection, [other for others, _ in dependencies.values() for other in others])
    for id_, (others, allows) in dependencies.items():
        ended = {other: _ENDED[states[other]] for other in others if states[other] in _ENDED}
        blocked = any(states[other] not in ("gone", "finished") for other in ended)
        pending = [other for other in others if other not in ended and states[other] != "finished"]
        if (blocked and not (allows and pending)) or not pending:
            yield id_, (ended, allows)
