"""Names of RQ's keys for what one job waits for, for jobs that have waited, and for groups of jobs."""

from __future__ import annotations

from qctl.broker.redis import keys
from qctl.broker.redis.key_prefix import RQ


def dependencies(job_id: str) -> str:
    """SET of ids of jobs that this one depends on."""
    return f"{keys.JOB_PREFIX}:{job_id}:dependencies"


def ready(name: str) -> str:
    """ZSET job id -> when its dependencies were met (s): jobs that RQ 3 is about to enqueue."""
    return f"{RQ}:ready:{name}"


GROUPS = f"{RQ}:groups"
"""SET of the names of all groups."""


def group(name: str) -> str:
    """SET of ids of the jobs of a group."""
    return f"{RQ}:group:{name}"
