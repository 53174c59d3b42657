"""Workers: processes that take jobs from queues."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Quiet:
    """Who told a worker to take nothing new, and when."""

    by: str
    at: datetime


@dataclass(frozen=True)
class WorkerInfo:
    """A worker that is registered in Redis. `honours_pause` is True for those that claim by qctl's script, under the
    name `claimant`.

    `job_function` and `job_since` are of the job that it runs. `memory` is what it and its child hold, in bytes, None
    for workers that do not tell; `finished` and `failed` are attempts since it `started_at`, `worked` the seconds that
    they took together.
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


@dataclass(frozen=True)
class QuietResult:
    """What `worker quiet` and `worker resume` did. `changed` is False where it was so already."""

    worker: WorkerInfo
    quiet: bool
    changed: bool


@dataclass(frozen=True)
class StopResult:
    """What `worker stop` did. `gone` is False where the worker was still there when nobody waited any longer; `now`
    says that its job was not waited for."""

    worker: WorkerInfo
    gone: bool
    now: bool
    waited: float
