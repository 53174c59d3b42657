"""Converts MQTT messages that came together into items, rejects and counts, which are committed together."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

from paho.mqtt.client import topic_matches_sub

from qctl.broker.bookkeeping.reject_records import Reject
from qctl.broker.ingest.buffer import Commit
from qctl.errors import RejectedError
from qctl.settings import Settings
from qctl.sources import reading_parser
from qctl.sources.duplicate_filter import CommittedWindow, digest, note
from qctl.sources.mqtt_connection import Message
from qctl.sources.reading_rules import Parsed, ReadingRules
from qctl.sources.retained_messages import RetainedMessages

RETAINED_TAG = "retained"
"""Tag of a reading from a retained message without a time: the time of receipt says nothing about its age."""

IGNORED_TOPIC = Parsed([], ignored="QCTL_MQTT_IGNORE")
RETAINED_AGAIN = Parsed([], ignored="retained again")


@dataclass
class Group:
    """Messages that came together, and their items and rejects to commit."""

    messages: list[Message]
    items: list[bytes] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    committed: list[tuple[int, str]] = field(default_factory=list)
    """Packet id and digest of the messages that became items or rejects, or were ignored."""
    retained: dict[str, str] = field(default_factory=dict)
    """Digests of retained messages by topic."""
    topics: list[tuple[str, int | None]] = field(default_factory=list)
    """Topic and lag of each message that became items or a reject (`TopicCounters.add`)."""
    unstored: list[tuple[str, Parsed]] = field(default_factory=list)
    """Topics and results of messages of which something was not stored."""
    duplicates: int = 0
    ignored: int = 0
    commit: Commit | None = None
    """The same at every attempt, so that the buffer recognises one that was applied although its reply was lost."""


class Grouper:
    """Converts messages by the settings' rules. `retained` knows the retained messages that were stored."""

    def __init__(self, settings: Settings) -> None:
        self.retained = RetainedMessages()
        self._rules = ReadingRules.of(settings)
        self._session = settings.mqtt_client_id
        self._ignored_filters = settings.mqtt_ignore or ()

    def group(self, messages: list[Message], window: CommittedWindow) -> Group:
        """Convert messages to items and rejects, and make notes of those that may be sent again."""
        group = Group(messages)
        for message in messages:
            mid, qos, dup, _, topic, payload, received_ns = message
            if qos:
                content = digest(topic, payload)
                if dup and window.has(mid, content):
                    group.duplicates += 1
                    if window.inherited:
                        group.notes.append(note(mid, content, received_ns))
                    continue
                group.committed.append((mid, content))
                group.notes.append(note(mid, content, received_ns))
            self._add(group, message)
        return group

    def _add(self, group: Group, message: Message) -> None:
        """Add a message as items, a reject or a count."""
        mid, qos, _, retain, topic, payload, received_ns = message
        try:
            if self._ignored_filters and _matches(self._ignored_filters, topic):
                parsed = IGNORED_TOPIC
            else:
                parsed = reading_parser.parse(topic, payload, received_ns, self._rules)
                if retain and parsed.readings and not parsed.timed:
                    parsed = self._without_known(group, topic, payload, parsed)
        except RejectedError as error:
            mark = f"{self._session}:{mid}" if qos else f"at:{received_ns}"
            group.rejects.append(reading_parser.reject(topic, payload, received_ns, error.message, mark=mark))
            group.topics.append((topic, None))
            return
        readings = parsed.readings
        if readings:
            for reading in readings:
                group.items.append(reading_parser.encode(reading))
            group.topics.append((topic, received_ns - readings[-1]["ts_ns"]))
        else:
            group.ignored += 1
        if parsed.left_out or parsed.clocks or parsed.ignored:
            group.unstored.append((topic, parsed))

    def _without_known(self, group: Group, topic: str, payload: bytes, parsed: Parsed) -> Parsed:
        """Tag the readings of a retained message, or ignore it if it was stored already."""
        content = digest(topic, payload)
        known = self.retained.is_stored(topic, content)
        if self.retained.add(topic, content):
            group.retained[topic] = content
        if known:
            return RETAINED_AGAIN
        for reading in parsed.readings:
            reading["tags"] = {**reading.get("tags", {}), RETAINED_TAG: "true"}
        return parsed


@lru_cache(maxsize=4096)
def _matches(filters: tuple[str, ...], topic: str) -> bool:
    """True if one of the topic filters matches."""
    return any(topic_matches_sub(each, topic) for each in filters)
