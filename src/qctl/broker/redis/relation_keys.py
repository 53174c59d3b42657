"""Names of RQ's keys for what one job waits for, and for jobs that have waited."""

from __future__ import annotations

from rq.registry import ReadyJobRegistry

from qctl.broker.redis import keys


def dependencies(job_id: str) -> str:
    """SET of ids of jobs that this one depends on."""
    return f"{keys.JOB_PREFIX}:{job_id}:dependencies"


def ready(name: str) -> str:
    """ZSET job id -> when its dependencies were met (s): jobs that RQ 3 is about to enqueue."""
    return ReadyJobRegistry.key_template.format(name)
