"""Counts per queue and minute, from which rates are made.

One hash an hour and queue, fields `{minute}.{what}`. What is counted: `taken` (claims), `finished`, `failed`
(attempts), `dead`, `retried`, `removed` (cleared or moved away), and `depth`, the number waiting when the minute
began. Scripts count with Redis's clock; the rest with this host's, which `doctor` compares with it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from redis.client import Pipeline

from qctl.broker import keys

KEEP = 2 * 86400
"""Seconds that counts are kept."""


def bump(pipe: Pipeline, queue: str, what: str, by: int = 1) -> None:
    """Add to the count of `what` in the current minute, in the pipeline of the change."""
    hour, minute = divmod(int(time.time()) // 60, 60)
    key = keys.counts(queue, hour)
    pipe.hincrby(key, f"{minute}.{what}", by)
    pipe.expire(key, KEEP)


@dataclass(frozen=True)
class Window:
    """The current and the last whole minute of a queue. `seconds` is how far the current one has come."""

    now: dict[str, int]
    before: dict[str, int]
    seconds: float

    def rate(self, what: str) -> float:
        """Per second over about the last minute: all of this minute, and the part of the last one that is left."""
        share = 1 - self.seconds / 60
        return (self.now.get(what, 0) + self.before.get(what, 0) * share) / 60

    def arrivals(self, depth: int) -> float | None:
        """Jobs a second that came, whoever sent them: what was taken or removed, and what the depth rose by.

        None where nothing noted the depth when a minute began.
        """
        gone = ("taken", "removed")
        if "depth" in self.before:
            span = 60 + self.seconds
            left = sum(self.now.get(w, 0) + self.before.get(w, 0) for w in gone)
            return max(0.0, (left + depth - self.before["depth"]) / span)
        if "depth" in self.now and self.seconds >= 1:
            left = sum(self.now.get(w, 0) for w in gone)
            return max(0.0, (left + depth - self.now["depth"]) / self.seconds)
        return None


FIELDS = ("taken", "finished", "failed", "dead", "retried", "removed", "depth")


def ask(pipe: Pipeline, queue: str, at: float) -> None:
    """Queue the two reads that `window` needs. `at` is the time in seconds."""
    for total in (int(at) // 60, int(at) // 60 - 1):
        hour, minute = divmod(total, 60)
        pipe.hmget(keys.counts(queue, hour), [f"{minute}.{what}" for what in FIELDS])


def window(now: list[bytes | None], before: list[bytes | None], at: float) -> Window:
    """Make a window of the two replies to `ask`."""
    parsed = [{w: int(v) for w, v in zip(FIELDS, row, strict=True) if v is not None} for row in (now, before)]
    return Window(parsed[0], parsed[1], at % 60)
