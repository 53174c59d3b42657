"""What Redis alone knows and no producer sends again: pauses, schedules, dead letters, the trash; as lines of JSON.

A dead letter is a line as `exporting` writes it. The others name their kind. The last line says how many there are:
a file that was cut off has none.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

from redis import Redis

from qctl.broker.admin import export_jobs, trash
from qctl.broker.query import job_locations, stats_snapshot
from qctl.broker.query.job_locations import IDS_PER_READ
from qctl.broker.redis import keys, replies, untrusted_fields
from qctl.models import DEAD_STATES, ChosenJobs, TrashBatch

SCHEMA = "qctl.backup.line/1"

END = "end"
"""The kind of the last line."""


Step = tuple[str, list[str]]
"""Lines of one kind."""


def lines(connection: Redis) -> Iterator[Step]:
    """The backup as lines of JSON without their ends, in steps. Writes nothing; what comes meanwhile may be missing."""
    count = 0
    for kind, step in _steps(connection):
        count += len(step)
        yield kind, step
    yield END, [_line(END, count=count)]


def _steps(connection: Redis) -> Iterator[Step]:
    yield (
        "pause",
        [
            _line("pause", queue=untrusted_fields.decode(queue), pause=export_jobs.value(raw))
            for queue, raw in connection.hgetall(keys.PAUSED).items()
        ],
    )
    yield "schedule", list(_schedules(connection))
    for queue in stats_snapshot.queue_names(connection):
        for state in DEAD_STATES:
            for step in job_locations.read(connection, queue, state):
                for jobs in export_jobs.lines(connection, ChosenJobs(queue, state, [found.id for found in step])):
                    yield "job", jobs
    for batch in trash.batches(connection):
        yield "batch", [_batch(connection, batch)]
        for start in range(0, batch.count, IDS_PER_READ):
            yield "trashed", list(_trashed(connection, batch.id, batch.queue, start))


def _schedules(connection: Redis) -> Iterator[str]:
    found = connection.zrange(keys.SCHEDULES, 0, -1, withscores=True)
    with connection.pipeline(transaction=False) as pipe:
        for name, _ in found:
            pipe.hgetall(keys.schedule(untrusted_fields.decode(name)))
        answers = replies.execute(pipe) if found else []
    for (name, due), answer in zip(found, answers, strict=True):
        when = due if math.isfinite(due) else "inf"
        yield _line(
            "schedule", name=untrusted_fields.decode(name), due=when, fields=_fields(replies.granted(answer, {}))
        )


def _trashed(connection: Redis, batch: str, queue: str, start: int) -> Iterator[str]:
    """Jobs of a batch, in its order, with where each came from. One whose data is gone is left out."""
    ids = connection.lrange(keys.trash_jobs(batch), start, start + IDS_PER_READ - 1)
    origins = dict(zip(ids, connection.hmget(keys.trash_origins(batch), ids), strict=True)) if ids else {}
    for step in export_jobs.lines(connection, ChosenJobs(queue, "canceled", ids)):
        for each in step:
            job = json.loads(each)
            origin = origins.get(untrusted_fields.encode(job["id"]))
            said = None if origin is None else export_jobs.value(origin)
            yield _line("trashed", batch=batch, origin=said, job={"score": 0, **job})


def _batch(connection: Redis, batch: TrashBatch) -> str:
    fields = _fields(connection.hgetall(keys.trash(batch.id)))
    return _line("batch", id=batch.id, fields=fields, expires_at=round(batch.expires_at.timestamp() * 1000))


def _fields(raw: Mapping[bytes, bytes]) -> dict[str, Any]:
    return {untrusted_fields.decode(name): export_jobs.value(each) for name, each in raw.items()}


def _line(kind: str, **more: Any) -> str:
    return json.dumps({"schema": SCHEMA, "kind": kind, **more}).replace("\x7f", "\\u007f")
