"""Devices, tags and names in the topics of readings."""

from __future__ import annotations

from functools import lru_cache

from qctl.errors import RejectedError
from qctl.sources.reading_fields import HOSTILE

MAX_TOPIC_BYTES = 1024


@lru_cache(maxsize=4096)
def topic_levels(topic: str, pattern: str) -> tuple[str, str, dict[str, str]]:
    """The device, the last level and the tags of a topic. Raises RejectedError if the topic cannot be used."""
    check_topic(topic)
    if "+" in topic or "#" in topic or topic.startswith("$"):
        raise RejectedError("topic contains + or #, or begins with $")
    levels = topic.split("/")
    named = _named(levels, pattern)
    device = named.pop("device", "") or topic
    return device, levels[-1], {name: level for name, level in named.items() if level}


def check_topic(topic: str) -> None:
    """Raise RejectedError if no reading may have this topic."""
    if not topic:
        raise RejectedError("topic is empty")
    if HOSTILE.search(topic):
        raise RejectedError("topic contains a control character or is not UTF-8")
    if len(topic.encode()) > MAX_TOPIC_BYTES:
        raise RejectedError(f"topic is longer than {MAX_TOPIC_BYTES} bytes")


def named_tags(topic: str, pattern: str) -> dict[str, str]:
    """The levels that become tags of a reading whose device is known otherwise."""
    named = _named(topic.split("/"), pattern)
    return {name: level for name, level in named.items() if level and name != "device"}


def _named(levels: list[str], pattern: str) -> dict[str, str]:
    """The levels that a pattern names; none if the topic does not match it."""
    meanings = pattern.removesuffix("/...").split("/")
    if len(levels) < len(meanings) or (len(levels) > len(meanings) and not pattern.endswith("/...")):
        return {}
    named = {}
    for level, meaning in zip(levels, meanings, strict=False):
        if meaning.startswith("{"):
            named[meaning[1:-1]] = level
        elif meaning not in ("+", level):
            return {}
    return named
