"""Reads the event stream as a consumer group: events that were read and not acknowledged come again after a crash."""

from __future__ import annotations

from collections.abc import Sequence

from redis import Redis
from redis.exceptions import ResponseError

from qctl.broker.bookkeeping.events import parse_event
from qctl.broker.redis import keys, replies
from qctl.models import Event

_FIRST_ID = "0-0"


class EventConsumer:
    """Consumer of the group `name`.

    All consumers of a group share one consumer name, so each takes over what another left unacknowledged.
    """

    def __init__(self, connection: Redis, name: str) -> None:
        self._redis = connection
        self._name = name

    def create_group(self, start: str = "0") -> None:
        """Create the group if it does not exist: at the beginning of the stream, or at its end if `start` is `$`."""
        try:
            self._redis.xgroup_create(keys.EVENTS, self._name, id=start, mkstream=True)
        except ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):
                raise

    def pending(self, count: int) -> list[Event]:
        """Events that were read and not acknowledged, oldest first. Those that the stream has dropped are left out."""
        reply = self._redis.xreadgroup(self._name, self._name, {keys.EVENTS: "0"}, count=count)
        entries = replies.first_stream(reply)
        dropped = [entry_id for entry_id, raw in entries if not raw]
        if dropped:
            self._redis.xack(keys.EVENTS, self._name, *dropped)
        return [parse_event(entry_id.decode(), raw) for entry_id, raw in entries if raw]

    def read(self, count: int, block_ms: int) -> list[Event]:
        """New events, oldest first. Waits up to `block_ms` for the first."""
        reply = self._redis.xreadgroup(self._name, self._name, {keys.EVENTS: ">"}, count=count, block=block_ms)
        return [parse_event(entry_id.decode(), raw) for entry_id, raw in replies.first_stream(reply)]

    def acknowledge(self, events: Sequence[Event]) -> None:
        """Acknowledge events, so that they are not read again."""
        if events:
            self._redis.xack(keys.EVENTS, self._name, *(event.id for event in events))

    def gap(self) -> tuple[str, str] | None:
        """The two ids between which the capped stream may have dropped events that were not read.

        None if the stream reaches back to the last event that was read, or no event was read yet.
        """
        last = self._last_read_id()
        stream = self._redis.xinfo_stream(keys.EVENTS)
        first = stream.get("first-entry")
        if last == _FIRST_ID or not first or _id_parts(first[0].decode()) <= _id_parts(last):
            return None
        return last, first[0].decode()

    def _last_read_id(self) -> str:
        for group in self._redis.xinfo_groups(keys.EVENTS):
            if group["name"] == self._name.encode():
                return str(group["last-delivered-id"].decode())
        return _FIRST_ID


def _id_parts(entry_id: str) -> tuple[int, int]:
    ms, _, sequence = entry_id.partition("-")
    return int(ms), int(sequence)
