"""Counters by topic: messages received, rejected and ignored, values left out by name, rate, lag of the last reading,
time of the last message, and the longest pauses between messages (`pauses.py`).

They are counted in memory and flushed to Redis about once a second by a script of their own, so that no commit waits
for them. A source that is killed loses the counts of its last second, but no message.

Devices choose topics, and a hostile device may choose any number. So at most `MAX_TOPICS` are counted by name. A new
topic replaces one that was silent for `EVICTION_SILENCE_SECONDS`; if there is none, it is counted as `OTHER_TOPICS`.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from redis import Redis

from qctl.broker.redis import ingest_keys, keys
from qctl.broker.redis.scripts import Script

_topics = Script("ingest/topics", after=("redis/types", "ingest/pauses"))

MAX_TOPICS = 1000
"""Topics of a pipeline that are counted by name."""

EVICTION_SILENCE_SECONDS = 3600.0
"""Silence (s) after which a topic may be replaced by a new one."""

RATE_WINDOW_SECONDS = 60.0
"""Time constant (s) of rates: a message that came so long ago counts for a third."""

MAX_PENDING_TOPICS = 2000
"""Topics that are counted by name between two flushes; the rest count as `OTHER_TOPICS`."""

MAX_TOPIC_BYTES = 1024
"""Maximum length of a topic; longer ones count as `OTHER_TOPICS`."""

OTHER_TOPICS = ""
"""Name under which topics are counted together."""

MAX_NAMES = 50
"""Names of values left out that are counted for a topic; the rest are counted together."""

TOPICS_PER_CALL = 250
"""Topics of one script call, which takes about 1 ms."""


class _Count:
    """Messages of one topic since the last flush."""

    __slots__ = ("clocks", "ignored", "lag_ms", "left_out", "received", "rejected")

    def __init__(self) -> None:
        self.received = self.rejected = self.clocks = 0
        self.lag_ms: int | None = None
        self.ignored: Counter[str] = Counter()
        self.left_out: Counter[str] = Counter()

    @property
    def notes(self) -> str:
        """JSON of what was not stored, empty if everything was."""
        if not (self.ignored or self.left_out or self.clocks):
            return ""
        return json.dumps({"ignored": self.ignored, "left_out": self.left_out, "clocks": self.clocks})


class _TopicRow(NamedTuple):
    """Counts of a topic in a call of `topics.lua`."""

    name: str
    received: int
    rejected: int
    ignored: int
    lag: int | str
    notes: str


class TopicCounters:
    """The counters of one pipeline. `flush` raises redis-py's errors."""

    def __init__(self, connection: Redis, pipeline: str) -> None:
        self._redis = connection
        self._pipeline = pipeline
        self._pending: dict[str, _Count] = {}

    def add(self, topic: str, lag_ns: int | None) -> None:
        """Count a committed message. `lag_ns` is from its measurement to its receipt, None if it was rejected."""
        count = self._pending.get(topic) or self._new(topic)
        if lag_ns is None:
            count.rejected += 1
        else:
            count.received += 1
            count.lag_ms = lag_ns // 1_000_000

    def add_ignored(self, topic: str, reason: str) -> None:
        """Count a message that is neither stored nor rejected, such as a last will."""
        (self._pending.get(topic) or self._new(topic)).ignored[reason] += 1

    def add_left_out(self, topic: str, names: Iterable[str], clocks: int = 0) -> None:
        """Count values that were left out of a message, by name, and times of clocks that are not set."""
        count = self._pending.get(topic) or self._new(topic)
        count.left_out.update(names)
        count.clocks += clocks

    def flush(self) -> None:
        """Add the counts to Redis. If a call fails, its counts are sent again and may count twice."""
        while self._pending:
            batch = list(self._pending.items())[:TOPICS_PER_CALL]
            _topics(
                self._redis,
                counters=keys.topics(self._pipeline),
                last_seen=keys.topics_seen(self._pipeline),
                notes=keys.topic_notes(self._pipeline),
                pauses=ingest_keys.topic_pauses(self._pipeline),
                max_topics=MAX_TOPICS,
                silence_ms=int(EVICTION_SILENCE_SECONDS * 1000),
                rate_window=RATE_WINDOW_SECONDS,
                max_names=MAX_NAMES,
                topics=[_row(topic, count) for topic, count in batch],
            )
            for topic, _ in batch:
                del self._pending[topic]

    def _new(self, topic: str) -> _Count:
        full = len(self._pending) >= MAX_PENDING_TOPICS or len(topic) > MAX_TOPIC_BYTES
        if full or len(topic.encode(errors="surrogateescape")) > MAX_TOPIC_BYTES:
            topic = OTHER_TOPICS
        return self._pending.setdefault(topic, _Count())


def _row(topic: str, count: _Count) -> _TopicRow:
    ignored = sum(count.ignored.values())
    lag = "" if count.lag_ms is None else count.lag_ms
    return _TopicRow(topic, count.received, count.rejected, ignored, lag, count.notes)


def decayed_rate(rate: float, seconds: float) -> float:
    """The rate after `seconds` without a message."""
    return rate * math.exp(-seconds / RATE_WINDOW_SECONDS)
