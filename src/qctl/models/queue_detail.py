"""One queue with what is around it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qctl.models.dead_letters import Cause
    from qctl.models.queues import QueueStats
    from qctl.models.workers import WorkerInfo


@dataclass(frozen=True)
class QueueDetail:
    """One queue and its lanes, the workers that take from them, how many jobs of each name wait, estimated from a
    sample, and the most frequent causes of its dead letters."""

    name: str
    lanes: list[QueueStats]
    workers: list[WorkerInfo]
    names: dict[str, int]
    causes: list[Cause]
