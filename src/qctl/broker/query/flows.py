"""Reads flows: the jobs around one job that wait for each other, and RQ's groups. All reads are bounded."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from redis import Redis
from redis.client import Pipeline

from qctl.broker.query import locate_jobs
from qctl.broker.redis import job_fields, keys, relation_keys, replies, untrusted_fields
from qctl.models import Flow, FlowJob, Flows

MAX_JOBS = 1000
"""Jobs of a flow that are read; of a larger one the rest is left out."""

MAX_GENERATIONS = 100
"""Generations of a flow above and below its job that are read."""

MAX_FLOWS = 200
"""Groups that are listed, and trees."""

MAX_DEFERRED = 1000
"""Deferred jobs that are followed to the jobs that their trees begin with."""

Stage = Callable[[Pipeline, str], None]
"""Adds the two reads of the jobs on one side of a job to a pipeline: a set, and a field with a JSON list."""


@dataclass
class _Walk:
    """The jobs that a walk has found, in order, and what each depends on."""

    found: list[str] = field(default_factory=list)
    depends_on: dict[str, set[str]] = field(default_factory=dict)
    is_whole: bool = True


def of_job(connection: Redis, job_id: str) -> Flow:
    """Return the flow around a job."""
    walk = _Walk([job_id])
    _follow(connection, [job_id], walk, _stage_dependencies, lambda id_, other: (id_, other))
    _follow(connection, [job_id], walk, _stage_dependents, lambda id_, other: (other, id_))
    return Flow(job_id, "job", _jobs(connection, walk), walk.is_whole)


def of_group(connection: Redis, name: str) -> Flow | None:
    """Return a group of RQ with its jobs, None if there is none of this name."""
    members, is_whole = _members(connection, name)
    if not members:
        return None
    walk = _Walk(members, is_whole=is_whole)
    own = set(members)
    for id_, others in _related(connection, members, _stage_dependencies).items():
        walk.depends_on[id_] = own.intersection(others)
    return Flow(name, "group", _jobs(connection, walk), is_whole)


def unfinished(connection: Redis, queues: Iterable[str], limit: int) -> Flows:
    """Return RQ's groups, and the trees that deferred jobs of these queues belong to, by the job that each begins
    with; at most `limit`."""
    names, has_all_groups = _group_names(connection)
    roots, has_all_roots = _roots(connection, list(queues))
    groups = [flow for name in names[:limit] if (flow := of_group(connection, name))]
    trees = [of_job(connection, root) for root in roots[: limit - len(groups)]]
    listed = [*groups, *trees]
    is_whole = has_all_groups and has_all_roots and len(names[:limit]) + len(trees) == len(names) + len(roots)
    return Flows(listed, is_whole)


def _group_names(connection: Redis) -> tuple[list[str], bool]:
    cursor, members = replies.scanned_members(connection.sscan(relation_keys.GROUPS, 0, count=MAX_FLOWS))
    return sorted(map(untrusted_fields.decode, members))[:MAX_FLOWS], cursor == 0 and len(members) <= MAX_FLOWS


def _members(connection: Redis, name: str) -> tuple[list[str], bool]:
    cursor, members = replies.scanned_members(connection.sscan(relation_keys.group(name), 0, count=MAX_JOBS))
    return sorted(map(untrusted_fields.decode, members))[:MAX_JOBS], cursor == 0 and len(members) <= MAX_JOBS


def _roots(connection: Redis, queues: Sequence[str]) -> tuple[list[str], bool]:
    """Return the jobs without dependencies that deferred jobs wait for, and whether all deferred jobs were read."""
    if not queues:
        return [], True
    share = max(1, MAX_DEFERRED // len(queues))
    with connection.pipeline(transaction=False) as pipe:
        for queue in queues:
            pipe.zrange(keys.deferred(queue), 0, share)
        pages = [replies.bytes_list(reply) for reply in replies.execute(pipe)]
    is_whole = all(len(page) <= share for page in pages)
    ids = [untrusted_fields.decode(id_) for page in pages for id_ in page[:share]][:MAX_DEFERRED]
    roots: dict[str, None] = {}
    seen, generation = set(ids), ids
    for _ in range(MAX_GENERATIONS):
        if not generation:
            break
        above: list[str] = []
        for id_, others in _related(connection, generation, _stage_dependencies).items():
            if not others:
                roots[id_] = None
            above += [other for other in others if other not in seen]
            seen.update(others)
        generation = list(dict.fromkeys(above))[:MAX_DEFERRED]
    return list(roots)[:MAX_FLOWS], is_whole and len(roots) <= MAX_FLOWS


def _follow(
    connection: Redis,
    generation: list[str],
    walk: _Walk,
    stage: Stage,
    edge: Callable[[str, str], tuple[str, str]],
) -> None:
    """Add the jobs on one side of a generation to a walk, then those on that side of these. A job is followed once, so
    that a circle of dependencies ends."""
    seen = set(walk.found)
    for _ in range(MAX_GENERATIONS):
        following: list[str] = []
        for id_, others in _related(connection, generation, stage).items():
            for other in others:
                if other not in seen and len(walk.found) >= MAX_JOBS:
                    walk.is_whole = False
                    continue
                job, dependency = edge(id_, other)
                walk.depends_on.setdefault(job, set()).add(dependency)
                if other not in seen:
                    seen.add(other)
                    walk.found.append(other)
                    following.append(other)
        generation = following
        if not generation:
            return
    walk.is_whole = False


def _related(connection: Redis, ids: Sequence[str], stage: Stage) -> dict[str, list[str]]:
    with connection.pipeline(transaction=False) as pipe:
        for id_ in ids:
            stage(pipe, id_)
        answers = replies.execute(pipe)
    related = {}
    for id_, scanned, listed in zip(ids, answers[::2], answers[1::2], strict=True):
        members = map(untrusted_fields.decode, replies.scanned_members(scanned)[1])
        related[id_] = sorted({*members, *untrusted_fields.parse_ids(replies.optional_bytes(listed))} - {id_})
    return related


def _stage_dependencies(pipe: Pipeline, job_id: str) -> None:
    pipe.sscan(relation_keys.dependencies(job_id), 0, count=MAX_JOBS)
    pipe.hget(keys.job(job_id), "dependency_ids")


def _stage_dependents(pipe: Pipeline, job_id: str) -> None:
    pipe.sscan(keys.dependents(job_id), 0, count=MAX_JOBS)
    pipe.hget(keys.job(job_id), job_fields.DEPENDENTS)


def _jobs(connection: Redis, walk: _Walk) -> list[FlowJob]:
    states = locate_jobs.current_states(connection, walk.found)
    functions = _functions(connection, walk.found)
    return [
        FlowJob(id_, states[id_][1], states[id_][0] or "gone", functions[id_], sorted(walk.depends_on.get(id_, ())))
        for id_ in walk.found
    ]


def _functions(connection: Redis, ids: Sequence[str]) -> Mapping[str, str]:
    with connection.pipeline(transaction=False) as pipe:
        for id_ in ids:
            pipe.hget(keys.job(id_), "description")
        answers = replies.execute(pipe)
    texts = (untrusted_fields.decode(replies.optional_bytes(answer)) for answer in answers)
    return {id_: text.partition("(")[0].strip() for id_, text in zip(ids, texts, strict=True)}
