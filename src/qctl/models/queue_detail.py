"""One queue with its lanes, workers, jobs and causes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qctl.models.dead_letters import Cause
    from qctl.models.queues import QueueStats
    from qctl.models.workers import WorkerInfo


@dataclass(frozen=True)
class QueueDetail:
    """One queue with its lanes, the workers that listen to them, the waiting jobs by name, estimated from a sample, and
    the most frequent causes of its dead letters."""

    name: str
    lanes: list[QueueStats]
    workers: list[WorkerInfo]
    names: dict[str, int]
    causes: list[Cause]
