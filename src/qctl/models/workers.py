"""Workers: processes that take jobs from queues."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class WorkerInfo:
    """A worker that is registered in Redis. `honours_pause` is True for those that claim by qctl's script."""

    name: str
    queues: list[str]
    state: str
    host: str
    pid: int | None
    current_job: str | None
    last_heartbeat: datetime | None
    honours_pause: bool
