"""Workers: processes that run jobs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Pace = Literal["", "slow", "stuck"]
"""Pace of a worker's job: `slow` is past the 99th percentile of its name, `stuck` past its time-out."""


@dataclass(frozen=True)
class Quiet:
    """Author and time of the command that made a worker quiet."""

    by: str
    at: datetime


@dataclass(frozen=True)
class WorkerInfo:
    """A worker that is registered in Redis. `honours_pause` is True if it claims by qctl's script, under the name
    `claimant`.

    It is `silent` if its lease is over, since `lease_until`: it died, or cannot write to Redis. It starts nothing then,
    and others take the jobs that it had claimed.

    `job_function` and `job_since` describe its running job. `memory` (bytes) includes its child, None if the worker
    does not report it; `finished` and `failed` count attempts since `started_at`, `worked` is their total time (s).
    `clock_skew` is by how many seconds its host's clock is ahead of Redis's, None if the worker does not report it.
    """

    name: str
    queues: list[str]
    state: str
    host: str
    pid: int | None
    current_job: str | None
    last_heartbeat: datetime | None
    honours_pause: bool
    claimant: str | None = None
    started_at: datetime | None = None
    job_function: str = ""
    job_since: datetime | None = None
    memory: int | None = None
    finished: int = 0
    failed: int = 0
    worked: float = 0.0
    quiet: Quiet | None = None
    silent: bool = False
    lease_until: datetime | None = None
    clock_skew: float | None = None
    job_queue: str = ""
    job_timeout: float | None = None
    """Time (s) that its running job may take, None without a limit."""
    job_usual: float | None = None
    """99th percentile (s) of the runs of that job's name in the last hours, None if too few ran."""
    pace: Pace = ""
    cpu: float | None = None
    """Processors that it and its children kept busy between its last two heartbeats, None if it does not report it."""


@dataclass(frozen=True)
class QuietResult:
    """Result of `worker quiet` and `worker resume`. `changed` is False if the worker was already in that state."""

    worker: WorkerInfo
    quiet: bool
    changed: bool


@dataclass(frozen=True)
class StopResult:
    """Result of `worker stop`. `gone` is False if the worker was still running at the end of the wait; `now` is True if
    its job was not awaited."""

    worker: WorkerInfo
    gone: bool
    now: bool
    waited: float
