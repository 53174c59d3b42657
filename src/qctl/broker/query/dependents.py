"""Reads which jobs wait for which: dependents of jobs, the tree around one job, and jobs that would wait for ever."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from time import sleep

from redis import Redis

from qctl.broker.query import job_locations, locate_jobs
from qctl.broker.redis import job_fields, keys, relation_keys, replies, untrusted_fields
from qctl.models import JobNode, JobTree, StrandedJob

IDS_PER_READ = 1000

MAX_TREE_NODES = 200
"""Jobs drawn in a tree; the rest are left out."""

MAX_TREE_DEPTH = 8

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
            dependencies[id_] = (registered or _ids(listed), allowed == b"1")
    states = states_of(connection, [other for others, _ in dependencies.values() for other in others])
    for id_, (others, allows) in dependencies.items():
        ended = {other: _ENDED[states[other]] for other in others if states[other] in _ENDED}
        blocked = any(states[other] not in ("gone", "finished") for other in ended)
        pending = [other for other in others if other not in ended and states[other] != "finished"]
        if (blocked and not (allows and pending)) or not pending:
            yield id_, (ended, allows)


def _ids(raw: bytes | None) -> list[str]:
    try:
        ids = json.loads(raw or b"[]")
    except (ValueError, RecursionError):
        return []
    return [id_ for id_ in ids if isinstance(id_, str)] if isinstance(ids, list) else []


# --- the tree around one job --------------------------------------------------------------------------------


def tree(connection: Redis, job_id: str) -> JobTree:
    """Return the jobs that a job waits for, and those that wait for it, each with its own."""
    budget = [MAX_TREE_NODES]
    return JobTree(
        _node(connection, job_id, "up", budget, {job_id}, 0).others,
        _node(connection, job_id, "down", budget, {job_id}, 0).others,
    )


def _node(connection: Redis, job_id: str, way: str, budget: list[int], seen: set[str], depth: int) -> JobNode:
    state, queue = locate_jobs.current_states(connection, [job_id])[job_id]
    budget[0] -= 1
    others = []
    if depth < MAX_TREE_DEPTH:
        for other in _related(connection, job_id, way):
            if other not in seen and budget[0] > 0:
                seen.add(other)
                others.append(_node(connection, other, way, budget, seen, depth + 1))
    return JobNode(job_id, queue, state or "gone", others)


def _related(connection: Redis, job_id: str, way: str) -> list[str]:
    if way == "down":
        members = replies.bytes_set(connection.smembers(keys.dependents(job_id)))
        return sorted(map(untrusted_fields.decode, members))
    members = replies.bytes_set(connection.smembers(relation_keys.dependencies(job_id)))
    listed = _ids(replies.optional_bytes(connection.hget(keys.job(job_id), "dependency_ids")))
    return sorted({*map(untrusted_fields.decode, members), *listed})
