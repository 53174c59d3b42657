"""Counts of dropped messages that a broker publishes about itself, below $SYS. They are no readings."""

from __future__ import annotations

from qctl.broker.ingest import broker_drops

MAX_TOPICS = 50
"""Topics whose counts are kept between two looks: a cluster may have one for each node."""

PREFIX = "$SYS/"


class BrokerCounts:
    """The last counts that came on a connection which subscribed to `main`. No filter of readings matches $SYS unless
    it names it, so that a message from there came by the subscription to the counts."""

    def __init__(self, main: str) -> None:
        self._is_reading = PREFIX in main
        self._counts: dict[str, int] = {}

    def takes(self, topic: str, payload: bytes) -> bool:
        """Take a message if it is about the broker and not a reading."""
        if self._is_reading or not topic.startswith(PREFIX):
            return False
        count = broker_drops.parse(payload)
        if count is not None and (topic in self._counts or len(self._counts) < MAX_TOPICS):
            self._counts[topic] = count
        return True

    def pop(self) -> dict[str, int]:
        """Return the counts that came since the last call, by topic."""
        counts, self._counts = self._counts, {}
        return counts
