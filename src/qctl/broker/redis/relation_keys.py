"""Names of RQ's keys for what one job waits for, for jobs that have waited, and for groups of jobs."""

from __future__ import annotations

from rq.group import Group
from rq.registry import ReadyJobRegistry

from qctl.broker.redis import keys


def dependencies(job_id: str) -> str:
    """SET of ids of jobs that this one depends on."""
    return f"{keys.JOB_PREFIX}:{job_id}:dependencies"


def ready(name: str) -> str:
    """ZSET job id -> when its dependencies were met (s): jobs that RQ 3 is about to enqueue."""
    return ReadyJobRegistry.key_template.format(name)


GROUPS = Group.REDIS_GROUP_KEY
"""SET of the names of all groups."""


def group(name: str) -> str:
    """SET of ids of the jobs of a group."""
    return Group.get_key(name)
