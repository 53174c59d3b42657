"""What came by which topic: counts, rate, how late its last reading was, and when it was seen last.

Counted in memory and told to Redis about once a second, in a script of its own, so that no commit waits for it: a
source that is killed forgets the counts of its last second, not one message.

Devices choose topics, hostile ones any number of them: those of the first `MOST` are told apart. A new one takes the
place of one that was silent for `SILENT`; where there is none, it is counted among the others, whose name is empty.
"""

from __future__ import annotations

import math

from redis import Redis

from qctl.broker.redis import keys
from qctl.broker.redis.scripts import Script

_topics = Script("ingest/topics")

MOST = 1000
"""Topics of a pipeline that are told apart."""

SILENT = 3600.0
"""Seconds of silence after which a topic gives way to a new one."""

WINDOW = 60.0
"""Time constant of rates in seconds: what came so long ago counts for a third."""

MOST_UNTOLD = 2000
"""Topics that are told apart between two tellings."""

LONGEST = 1024
"""Bytes of a topic; a longer one is among the others."""

OTHERS = ""
"""The name of those that are not told apart."""

AT_ONCE = 250
"""Topics of one run of the script: about a millisecond."""


class _Count:
    """What came by one topic since it was told last."""

    __slots__ = ("lag_ms", "received", "rejected")

    def __init__(self) -> None:
        self.received = self.rejected = 0
        self.lag_ms: int | None = None


class Topics:
    """The topics of one pipeline. `tell` raises what redis-py raises."""

    def __init__(self, connection: Redis, pipeline: str) -> None:
        self._redis = connection
        self._keys = [keys.topics(pipeline), keys.topics_seen(pipeline)]
        self._untold: dict[str, _Count] = {}

    def add(self, topic: str, lag_ns: int | None) -> None:
        """A message came, and was committed; `lag_ns` is from its measurement to its receipt, None where it was
        rejected."""
        count = self._untold.get(topic) or self._new(topic)
        if lag_ns is None:
            count.rejected += 1
        else:
            count.received += 1
            count.lag_ms = lag_ns // 1_000_000

    def tell(self) -> None:
        """Add what was counted to what Redis knows. What fails is told the next time, and may then count twice."""
        while self._untold:
            step = list(self._untold.items())[:AT_ONCE]
            told = [
                part
                for topic, count in step
                for part in (topic, count.received, count.rejected, "" if count.lag_ms is None else count.lag_ms)
            ]
            _topics(self._redis, self._keys, [MOST, int(SILENT * 1000), WINDOW, *told])
            for topic, _ in step:
                del self._untold[topic]

    def _new(self, topic: str) -> _Count:
        full = len(self._untold) >= MOST_UNTOLD or len(topic) > LONGEST
        if full or len(topic.encode(errors="surrogateescape")) > LONGEST:
            topic = OTHERS
        return self._untold.setdefault(topic, _Count())


def faded(rate: float, seconds: float) -> float:
    """What becomes of a rate when nothing comes for so many seconds."""
    return rate * math.exp(-seconds / WINDOW)
