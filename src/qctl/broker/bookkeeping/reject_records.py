"""Records rejected messages and rows: as dead letters, or by their count alone if many have the same cause.

The first rejects of a cause are stored, so that an operator can look at samples and retry them. Further ones, and those
beyond the budget of rejects, are counted by cause, with the times of the first and the last: nothing that a device or a
client sends fills Redis, and no reject is dropped without a count.
"""

from __future__ import annotations

import json
import time
import zlib
from dataclasses import dataclass
from typing import Any

from redis.client import Pipeline
from rq.job import Job, JobStatus
from rq.serializers import JSONSerializer

from qctl.broker.bookkeeping import budgets, counters, dead_letter_index, events
from qctl.broker.redis import job_fields, keys
from qctl.broker.redis.scripts import Script

_add_rejected = Script("bookkeeping/add_rejected", after=budgets.BUDGET)

ROWS_PER_SAMPLE = 100
"""Rejected rows of one cause that are stored for each rejected message: a row can be written once its sink is
mended, while no retry makes a reading of a message that is none."""

MAX_SOURCE_CHARACTERS = 128
"""Length to which the topic or user of a counted reject is cut."""

MAX_COUNTED_CAUSES = 500
"""Causes of a queue whose rejects are counted by cause; those of further ones are counted together."""


@dataclass(frozen=True)
class Reject:
    """A message or row that was rejected: the arguments of the job that handles it when it is retried, and the reason.

    `source` is its topic or user.
    """

    id: str
    args: tuple[Any, ...]
    reason: str
    source: str = ""


@dataclass(frozen=True)
class RejectLimits:
    """Maximum dead letters of one cause, and of all rejects in percent of maxmemory. Rejects beyond are counted."""

    samples: int
    percent: int


def add_rejected(pipe: Pipeline, pipeline: str, queue: str, handler: str, reject: Reject, limits: RejectLimits) -> None:
    """Record a rejected item: as a dead letter of its own, or by its count alone beyond the `limits`.

    The dead letter is a normal job, which runs `handler` when it is retried. A second call with the id of a stored one
    changes nothing. The reason is in the job's hash, because a stream of results would take 4 kB.
    """
    parts = dead_letter_index.describe_cause(handler, reject.reason)
    name, moment = dead_letter_index.fingerprint(parts), time.time()
    hour, minute = divmod(int(moment) // 60, 60)
    job = {field: value for field, value in _job(pipe, queue, handler, reject).to_dict().items() if value}  # 2 kB less
    problem = zlib.compress(reject.reason.encode(errors="replace"))
    fields = {job_fields.FINGERPRINT: name, **job, "exc_info": problem}
    source = reject.source.encode(errors="replace").decode()[:MAX_SOURCE_CHARACTERS]
    _add_rejected.stage(
        pipe,
        **budgets.script_values("rejects"),
        job=keys.job(reject.id),
        failed=keys.failed(queue),
        queues=keys.QUEUES,
        causes=keys.causes(queue),
        letters=keys.cause(queue, name),
        counts=keys.counts(queue, hour),
        ingest=keys.ingest(pipeline),
        tally=keys.rejects(queue),
        events=keys.EVENTS,
        job_id=reject.id,
        queue=queue,
        queue_key=keys.queue(queue),
        fingerprint=name,
        cause=json.dumps(parts),
        source=source,
        now_ms=int(moment * 1000),
        count_field=f"{minute}.dead",
        counts_ttl=counters.RETENTION_SECONDS,
        max_events=events.MAX_ENTRIES,
        max_samples=limits.samples,
        max_causes=MAX_COUNTED_CAUSES,
        budget_percent=limits.percent,
        overhead=budgets.REJECT_OVERHEAD_BYTES,
        reason=dead_letter_index.last_line(reject.reason)[: dead_letter_index.MAX_REASON_CHARACTERS],
        fields=[part for pair in fields.items() for part in pair],
    )


def _job(pipe: Pipeline, queue: str, handler: str, reject: Reject) -> Job:
    return Job.create(
        handler,
        args=list(reject.args),
        id=reject.id,
        origin=queue,
        connection=pipe,  # the constructor requires one; no command is sent through it
        serializer=JSONSerializer,
        status=JobStatus.FAILED,
        failure_ttl=dead_letter_index.NEVER_EXPIRES_TTL,
        timeout=180,
        description=f"{handler.rpartition('.')[2]}: rejected",
    )
