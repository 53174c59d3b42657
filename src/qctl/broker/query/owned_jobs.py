"""Jobs as their owners see them: all of one owner, by the list that `enqueue.lua` keeps, or some. Reads only."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from redis import Redis

from qctl.broker.redis import job_fields, keys, replies, untrusted_fields
from qctl.models import OwnedJob, OwnedStatus

STEP = 500
"""Jobs that are read in a round trip."""

_TIMES = ("created_at", "enqueued_at", "started_at", "ended_at")
_FIELDS = ("status", "description", "retries_left", "retry_intervals", job_fields.TRASH_BATCH, *_TIMES)

_WORDS: Mapping[str, OwnedStatus] = {
    "started": "running",
    "finished": "completed",
    "failed": "dlq",
    "stopped": "failed",
    "canceled": "failed",
}
"""The seed document's word for a status of RQ's; all others are of jobs that are still to run."""


def read(connection: Redis, owner: str) -> list[OwnedJob]:
    """Every job of the owner that Redis remembers, the newest first."""
    listed = [untrusted_fields.decode(id_) for id_ in connection.zrevrange(keys.owner_jobs(owner), 0, -1)]
    return [_job(id_, owner, fields) for id_, fields in _hashes(connection, listed, _FIELDS)]


def some(connection: Redis, ids: Sequence[str]) -> list[OwnedJob]:
    """Those of these jobs that Redis remembers and that are somebody's, in the same order."""
    found = []
    for id_, fields in _hashes(connection, ids, (*_FIELDS, "meta")):
        owner = untrusted_fields.parse_object(fields["meta"]).get("owner")
        if isinstance(owner, str) and owner:
            found.append(_job(id_, owner, fields))
    return found


def _hashes(
    connection: Redis, ids: Sequence[str], names: Sequence[str]
) -> Iterator[tuple[str, dict[str, bytes | None]]]:
    """Some fields of each job that is there."""
    for start in range(0, len(ids), STEP):
        some_ids = ids[start : start + STEP]
        with connection.pipeline(transaction=False) as pipe:
            for id_ in some_ids:
                pipe.hmget(keys.job(id_), names)
            answers = [replies.granted(reply, None) for reply in replies.execute(pipe)]
        for id_, values in zip(some_ids, answers, strict=True):
            fields = dict(zip(names, values or (), strict=False))
            if fields.get("status"):
                yield id_, fields


def _job(job_id: str, owner: str, fields: Mapping[str, bytes | None]) -> OwnedJob:
    times = [moment for name in _TIMES if (moment := untrusted_fields.parse_time(fields.get(name)))]
    status = _WORDS.get(untrusted_fields.decode(fields.get("status")), "pending")
    return OwnedJob(
        id=job_id,
        name=untrusted_fields.decode(fields.get("description")),
        owner=owner,
        status="failed" if fields.get(job_fields.TRASH_BATCH) else status,
        retries=_retries(fields),
        created=untrusted_fields.parse_time(fields.get("created_at")),
        modified=max(times, default=None),
    )


def _retries(fields: Mapping[str, bytes | None]) -> int:
    """How many of the retries that the job was given are used up."""
    try:
        intervals = json.loads(fields.get("retry_intervals") or b"[]")
    except (ValueError, RecursionError):
        return 0
    given = len(intervals) if isinstance(intervals, list) else 0
    left = untrusted_fields.parse_count(fields.get("retries_left"))
    return max(0, given - (given if left is None else left))
