"""Remembers the messages that a source has taken recently, so that a message sent again is not stored again.

Clients that wait for an acknowledgement send again after a time. While Redis is slow or away, each copy would be
appended after the first: the sink recognises copies by msg_id, but the buffer and Redis would fill with them.
"""

from __future__ import annotations

from enum import Enum
from typing import Generic, TypeVar

MAX_RECENT_MESSAGES = 50_000
"""Maximum messages remembered, about 6 MB. Beyond that the oldest is dropped, and its copy would be appended."""

EntryT = TypeVar("EntryT")


class Known(Enum):
    """The state of a message that does not wait: never seen, or committed."""

    NEW = 0
    COMMITTED = 1


class RecentMessages(Generic[EntryT]):
    """Messages by their identity: the entry that waits, or COMMITTED. An identity is a hash of the content."""

    def __init__(self) -> None:
        self._states: dict[int, EntryT | Known] = {}

    def state(self, identity: int | None) -> EntryT | Known:
        """The entry of this identity that waits, COMMITTED, or NEW."""
        return Known.NEW if identity is None else self._states.get(identity, Known.NEW)

    def add(self, identity: int | None, entry: EntryT) -> None:
        """Remember an entry that waits."""
        if identity is None:
            return
        self._states[identity] = entry
        if len(self._states) > MAX_RECENT_MESSAGES:
            del self._states[next(iter(self._states))]

    def commit(self, identity: int | None) -> None:
        """Remember that the entry of this identity is committed, as the most recent one."""
        if identity is not None:
            self._states.pop(identity, None)
            self._states[identity] = Known.COMMITTED

    def drop_committed(self) -> None:
        """Drop the committed messages: Redis came back without them."""
        self._states = {identity: state for identity, state in self._states.items() if state is not Known.COMMITTED}
