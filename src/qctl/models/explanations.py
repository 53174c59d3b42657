"""Explanations: why a job or a queue is in its state, and the command that changes it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

ReasonCode = Literal[
    "suspended",
    "paused",
    "no-worker",
    "quiet",
    "silent",
    "sink-down",
    "ahead",
    "other-queues",
    "busy",
    "due",
    "overdue",
    "no-scheduler",
    "dependency",
    "rate-limit",
    "limit",
    "running",
    "dead",
    "quarantined",
    "ended",
    "trash",
    "unlisted",
    "empty",
    "gone",
    "abandoned",
]
"""Subject of a reason, for programs; its message is for people."""


@dataclass(frozen=True)
class Reason:
    """One reason. It `blocks` if nothing starts until it is removed; `fix` is the command for that, if there is one."""

    code: ReasonCode
    message: str
    fix: str | None = None
    blocks: bool = False


@dataclass(frozen=True)
class Explanation:
    """Why the job `id` does not run, or runs, or has ended; without an `id`, why jobs of `queue` do not start.

    `state` is the job's state, or the queue's (paused, blocked, running, idle). `reasons` are in order of weight.
    `starts_in` is the expected number of seconds until it starts, or until the queue is empty: None if unknown or
    blocked. `due` is the time of a scheduled job.
    """

    queue: str
    id: str | None
    state: str
    reasons: list[Reason] = field(default_factory=list)
    starts_in: float | None = None
    due: datetime | None = None

    @property
    def is_blocked(self) -> bool:
        """True if nothing starts until a reason is removed."""
        return any(reason.blocks for reason in self.reasons)
