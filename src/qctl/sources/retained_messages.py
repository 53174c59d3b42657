"""Recognises retained messages that were stored already.

An MQTT broker sends the retained message of each topic at the begin of a session. If such a message has no time of its
own, its reading would be stored again, with another time, in each session. So the digest of each one that is stored is
written with its commit, and one with the same digest is not stored again. The same holds if the message was among the
last that were committed when it was new: their notes hold digests too (`duplicate_filter.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

MAX_RETAINED_TOPICS = 10_000
"""Topics whose retained message is remembered; those of further topics are stored in each session."""


class RetainedMessages:
    """Digests of retained messages by topic, and of the last committed messages."""

    def __init__(self) -> None:
        self._by_topic: dict[str, str] = {}
        self._recent: set[str] = set()

    def update(self, retained: Mapping[str, str], notes: Iterable[str]) -> None:
        """Add what was written with earlier commits; notes are `packet id:digest:time of receipt`."""
        self._by_topic.update(retained)
        self._recent = {note.split(":", 2)[1] for note in notes}

    def is_stored(self, topic: str, content: str) -> bool:
        """True if the message with this digest was stored."""
        return self._by_topic.get(topic) == content or content in self._recent

    def add(self, topic: str, content: str) -> bool:
        """Remember a message that is being stored. False if that is known, or if there are too many topics."""
        if self._by_topic.get(topic) == content:
            return False
        if topic not in self._by_topic and len(self._by_topic) >= MAX_RETAINED_TOPICS:
            return False
        self._by_topic[topic] = content
        return True
