"""Tells what a key of Redis is used for, by its name."""

from __future__ import annotations

from collections.abc import Sequence

from qctl.broker.redis import key_prefix, keys, relation_keys
from qctl.models.memory import MemoryKind

_JOB = keys.job("")
_RESULT = keys.results("")
_QUEUES = tuple(
    place("")
    for place in (
        *(keys.queue, keys.started, keys.finished, keys.failed, keys.scheduled, keys.deferred, keys.canceled),
        relation_keys.ready,
    )
)
_QUEUE_PLACES = (
    *(keys.queue, keys.intermediate, keys.started, keys.finished, keys.failed, keys.scheduled, keys.deferred),
    *(keys.canceled, relation_keys.ready, keys.quarantine, keys.causes, keys.claims),
)
_JOB_RELATIONS = relation_keys.dependencies("").partition("::")[0] + "::"


def kind_of(key: str) -> MemoryKind:
    """Return the kind of a key; of a job's hash that of a job that is not dead."""
    if key.startswith(_JOB) and job_of(key) is None:
        return "queue"
    return next((kind for prefixes, kind in _PREFIXES if key.startswith(prefixes)), "other")


def job_of(key: str) -> str | None:
    """Return the id of the job whose hash this is, None for any other key."""
    relates = key.startswith(_JOB_RELATIONS) or key.endswith(keys.DEPENDENTS_SUFFIX)
    return key.removeprefix(_JOB) if key.startswith(_JOB) and not relates else None


def result_of(key: str) -> str | None:
    """Return the id of the job whose results these are, None for any other key."""
    return key.removeprefix(_RESULT) if key.startswith(_RESULT) else None


def few_large(queues: Sequence[str], pipelines: Sequence[str]) -> list[str]:
    """Return the keys that there is one of, or one of each queue: they may be large, and are measured one by one."""
    single = [keys.EVENTS, keys.AUDIT, keys.QUEUES, keys.WORKERS, keys.TOTALS, keys.BUDGETS, keys.TRASH, keys.SCHEDULES]
    ledgers = [keys.budget_ledger(kind) for kind in ("users", "letters", "rejects")]
    of_pipelines = [
        place(pipeline)
        for pipeline in pipelines
        for place in (keys.buffer, keys.topics, keys.topics_seen, keys.topic_notes, keys.mqtt_retained)
    ]
    return [*single, *ledgers, *of_pipelines, *(place(queue) for queue in queues for place in _QUEUE_PLACES)]


_PREFIXES: tuple[tuple[tuple[str, ...], MemoryKind], ...] = (
    ((_JOB, keys.executions(""), keys.execution_prefix("").removesuffix(":")), "job record"),
    ((_RESULT,), "result"),
    (_QUEUES, "queue"),
    ((keys.buffer(""),), "buffer"),
    ((keys.EVENTS, keys.AUDIT, keys.inbox("")), "stream"),
    ((keys.TRASH,), "trash"),
    ((keys.causes(""), keys.cause("", "").removesuffix(":"), keys.quarantine("")), "dead letter"),
    ((key_prefix.QCTL, f"{key_prefix.RQ}:"), "bookkeeping"),
)
"""Beginnings of keys, the most specific first."""
