"""Decides whether a schedule that is due may run, by the state of its last run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from redis import Redis

from qctl.broker.redis import job_fields, keys, replies, untrusted_fields
from qctl.models.schedules import Overlap

ACTIVE_STATUSES = frozenset({"queued", "started", "scheduled", "deferred", "rate_limited"})
"""Statuses of a run that has not ended: it waits, runs, or is tried again."""

Verdict = Literal["run", "skip", "wait", "failed"]


def judge(
    connection: Redis, fields: Mapping[bytes, bytes], overlap: Overlap, *, pause_on_failure: bool
) -> tuple[Verdict, str]:
    """Return the verdict for a schedule with this hash, and the id of its last job."""
    last_job = untrusted_fields.decode(fields.get(job_fields.SCHEDULE_LAST_JOB.encode()))
    if not last_job or (overlap == "allow" and not pause_on_failure):
        return "run", last_job
    status = untrusted_fields.decode(replies.optional_bytes(connection.hget(keys.job(last_job), "status")))
    accepted = untrusted_fields.decode(fields.get(job_fields.SCHEDULE_ACCEPTED_JOB.encode()))
    if pause_on_failure and status == "failed" and accepted != last_job:
        return "failed", last_job
    if overlap != "allow" and status in ACTIVE_STATUSES:
        return "wait" if overlap == "one" else "skip", last_job
    return "run", last_job
