"""What an owner may do: how many jobs they may create in a minute, and how many may wait or run at the same time.

Both are looked at by `enqueue.lua`, in the step that creates, by Redis's clock. The second is not a counter: at the
limit the states of the owner's jobs decide, so whatever ends a job, however, makes room.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from redis import Redis

from qctl.broker.redis import keys
from qctl.errors import RateLimitedError

WINDOW = 60
"""Seconds of the sliding window, by the fourth seed document."""

REMEMBER = 30 * 86_400
"""Seconds for which it is remembered which jobs are whose, where an owner creates nothing."""

SHOWN = 10_000
"""Jobs of an owner that are remembered as theirs, the newest: 1 MB."""


@dataclass(frozen=True)
class Limits:
    """`per_minute` jobs may be created in any 60 s, `active` may wait or run at the same time. 0 is without a limit."""

    per_minute: int = 0
    active: int = 0

    def refusal(self, reply: Sequence[Any]) -> RateLimitedError:
        """The error that a refusal of `enqueue.lua` stands for. Its words are the seed document's."""
        if reply[0] == b"active":
            return RateLimitedError(f"Rate limit exceeded. Maximum {self.active} active jobs allowed.")
        seconds = max(1, math.ceil(int(reply[1]) / 1000))
        return RateLimitedError(
            f"Maximum {self.per_minute} job creation attempts per minute. Try again in {seconds} seconds.",
            retry_after=seconds,
        )


def refused(connection: Redis) -> dict[str, int]:
    """How many jobs were ever refused: by `rate` (creations per minute) and by `active` (jobs at the same time)."""
    counted = connection.hgetall(keys.LIMIT_REJECTIONS)
    return {which: int(counted.get(which.encode(), 0)) for which in ("rate", "active")}
