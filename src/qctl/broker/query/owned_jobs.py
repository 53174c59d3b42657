"""Jobs as their owners see them: all of one owner, by the list that `enqueue.lua` keeps, or some by id. Reads only."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from redis import Redis

from qctl.broker.redis import clock, job_fields, keys, replies, untrusted_fields
from qctl.models import OwnedJob, OwnedStatus

JOBS_PER_READ = 500

_TIMES = ("created_at", "enqueued_at", "started_at", "ended_at")
_FIELDS = (
    "status",
    "description",
    "retries_left",
    "retry_intervals",
    job_fields.TRASH_BATCH,
    job_fields.CHANGED_AT,
    *_TIMES,
)

_OWNED_STATUSES: Mapping[str, OwnedStatus] = {
    "started": "running",
    "finished": "completed",
    "failed": "dlq",
    "stopped": "failed",
    "canceled": "failed",
}
"""Status that owners see for a status of RQ's; all others are pending."""


def read(connection: Redis, owner: str) -> list[OwnedJob]:
    """Return every job of the owner whose data is still in Redis, the newest first."""
    listed = replies.bytes_list(connection.zrevrange(keys.owner_jobs(owner), 0, -1))
    ids = [untrusted_fields.decode(id_) for id_ in listed]
    return [_job(id_, owner, fields) for id_, fields in _hashes(connection, ids, _FIELDS)]


def read_ids(connection: Redis, ids: Sequence[str]) -> list[OwnedJob]:
    """Return those of these jobs that have an owner, and whose data is still in Redis, in the same order."""
    jobs = []
    for id_, fields in _hashes(connection, ids, (*_FIELDS, "meta")):
        owner = untrusted_fields.parse_object(fields["meta"]).get("owner")
        if isinstance(owner, str) and owner:
            jobs.append(_job(id_, owner, fields))
    return jobs


def _hashes(
    connection: Redis, ids: Sequence[str], names: Sequence[str]
) -> Iterator[tuple[str, dict[str, bytes | None]]]:
    """Yield id and fields of each job that exists."""
    for start in range(0, len(ids), JOBS_PER_READ):
        page = ids[start : start + JOBS_PER_READ]
        with connection.pipeline(transaction=False) as pipe:
            for id_ in page:
                pipe.hmget(keys.job(id_), names)
            answers = replies.execute(pipe)
        for id_, answer in zip(page, answers, strict=True):
            fields = dict(zip(names, replies.field_values(answer, len(names)), strict=True))
            if fields.get("status"):
                yield id_, fields


def _job(job_id: str, owner: str, fields: Mapping[str, bytes | None]) -> OwnedJob:
    times = [time for name in _TIMES if (time := untrusted_fields.parse_time(fields.get(name)))]
    if changed := clock.optional_datetime(_milliseconds(fields.get(job_fields.CHANGED_AT))):
        times.append(changed)
    status = _OWNED_STATUSES.get(untrusted_fields.decode(fields.get("status")), "pending")
    return OwnedJob(
        id=job_id,
        name=untrusted_fields.decode(fields.get("description")),
        owner=owner,
        status="failed" if fields.get(job_fields.TRASH_BATCH) else status,
        retries=_retries(fields),
        created=untrusted_fields.parse_time(fields.get("created_at")),
        modified=max(times, default=None),
    )


def _milliseconds(raw: bytes | None) -> float | None:
    return float(raw) if raw is not None and raw.isdigit() and len(raw) < 15 else None


def _retries(fields: Mapping[str, bytes | None]) -> int:
    """Return how many of the job's retries are used up."""
    try:
        intervals = json.loads(fields.get("retry_intervals") or b"[]")
    except (ValueError, RecursionError):
        return 0
    granted = len(intervals) if isinstance(intervals, list) else 0
    left = untrusted_fields.parse_count(fields.get("retries_left"))
    return max(0, granted - (granted if left is None else left))
