"""Writes a backup of data that only Redis has, as lines of JSON: pauses, schedules, marks, notes, dead letters, trash.

A dead letter is a line as `export_jobs` writes it. The others name their kind. The last line has their number, so that
a file that was cut off is recognised.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

from redis import Redis

from qctl.broker.admin import export_jobs, trash
from qctl.broker.bookkeeping import marks
from qctl.broker.query import job_locations, stats_snapshot
from qctl.broker.query.job_locations import IDS_PER_READ
from qctl.broker.redis import annotation_keys, keys, limit_keys, replies, untrusted_fields
from qctl.models import DEAD_STATES, ChosenJobs, TrashBatch

SCHEMA = "qctl.backup.line/1"

END = "end"
"""Kind of the last line."""

Page = tuple[str, list[str]]
"""Lines of one kind, with that kind."""


def lines(connection: Redis) -> Iterator[Page]:
    """Yield the backup as pages of lines without their ends. Writes nothing; entries added meanwhile may be missing."""
    count = 0
    for kind, page in _pages(connection):
        count += len(page)
        yield kind, page
    yield END, [_line(END, count=count)]


def _pages(connection: Redis) -> Iterator[Page]:
    yield "pause", list(_pauses(connection))
    yield "limit", list(_limits(connection))
    yield "schedule", list(_schedules(connection))
    yield "mark", list(_marks(connection))
    yield "note", list(_notes(connection))
    for queue in stats_snapshot.queue_names(connection):
        for state in DEAD_STATES:
            for entries in job_locations.read(connection, queue, state):
                for jobs in export_jobs.lines(connection, ChosenJobs(queue, state, [entry.id for entry in entries])):
                    yield "job", jobs
    for batch in trash.batches(connection):
        yield "batch", [_batch(connection, batch)]
        for start in range(0, batch.count, IDS_PER_READ):
            yield "trashed", list(_trashed(connection, batch.id, batch.queue, start))


def _pauses(connection: Redis) -> Iterator[str]:
    for queue, raw in replies.bytes_dict(connection.hgetall(keys.PAUSED)).items():
        yield _line("pause", queue=untrusted_fields.decode(queue), pause=export_jobs.value(raw))


def _limits(connection: Redis) -> Iterator[str]:
    for field, raw in replies.bytes_dict(connection.hgetall(limit_keys.LIMITS)).items():
        yield _line("limit", limit=untrusted_fields.decode(field), value=export_jobs.value(raw))


def _marks(connection: Redis) -> Iterator[str]:
    for mark in marks.read(connection):
        yield _line("mark", text=mark.text, by=mark.by, at=round(mark.at.timestamp() * 1000))


def _notes(connection: Redis) -> Iterator[str]:
    for field, raw in replies.bytes_dict(connection.hgetall(annotation_keys.NOTES)).items():
        yield _line("note", name=untrusted_fields.decode(field), note=export_jobs.value(raw))


def _schedules(connection: Redis) -> Iterator[str]:
    scored = replies.scored_members(connection.zrange(keys.SCHEDULES, 0, -1, withscores=True))
    schedules = [(untrusted_fields.decode(name), due) for name, due in scored]
    with connection.pipeline(transaction=False) as pipe:
        for name, _ in schedules:
            pipe.hgetall(keys.schedule(name))
        answers = replies.execute(pipe) if schedules else []
    for (name, due), answer in zip(schedules, answers, strict=True):
        fields = _fields(replies.bytes_dict(answer))
        yield _line("schedule", name=name, due=due if math.isfinite(due) else "inf", fields=fields)


def _trashed(connection: Redis, batch_id: str, queue: str, start: int) -> Iterator[str]:
    """Yield the jobs of a batch in its order, with where each came from. Jobs whose data is gone are left out."""
    ids = replies.bytes_list(connection.lrange(keys.trash_jobs(batch_id), start, start + IDS_PER_READ - 1))
    if not ids:
        return
    raw_origins = replies.field_values(connection.hmget(keys.trash_origins(batch_id), ids), len(ids))
    origins = dict(zip(ids, raw_origins, strict=True))
    for page in export_jobs.lines(connection, ChosenJobs(queue, "canceled", ids)):
        for line in page:
            job = json.loads(line)
            raw = origins.get(untrusted_fields.encode(job["id"]))
            origin = None if raw is None else export_jobs.value(raw)
            yield _line("trashed", batch=batch_id, origin=origin, job={"score": 0, **job})


def _batch(connection: Redis, batch: TrashBatch) -> str:
    fields = _fields(replies.bytes_dict(connection.hgetall(keys.trash(batch.id))))
    fields.pop(trash.UNFINISHED_FIELD, None)
    return _line("batch", id=batch.id, fields=fields, expires_at=round(batch.expires_at.timestamp() * 1000))


def _fields(raw: Mapping[bytes, bytes]) -> dict[str, Any]:
    return {untrusted_fields.decode(name): export_jobs.value(value) for name, value in raw.items()}


def _line(kind: str, **more: Any) -> str:
    return json.dumps({"schema": SCHEMA, "kind": kind, **more}).replace("\x7f", "\\u007f")
