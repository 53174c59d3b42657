"""Reading the event stream as a consumer group: what was taken and not acknowledged comes again, also after a crash."""

from __future__ import annotations

from collections.abc import Sequence

from redis import Redis
from redis.exceptions import ResponseError

from qctl.broker.redis import keys, stream_reader
from qctl.models import Event

_BEGINNING = "0-0"


class EventGroup:
    """The group `name`, whose members all go by one name: whoever runs takes over what another left unfinished."""

    def __init__(self, connection: Redis, name: str) -> None:
        self._redis = connection
        self._name = name

    def prepare(self) -> None:
        """Make the group where there is none, from the beginning of the stream."""
        try:
            self._redis.xgroup_create(keys.EVENTS, self._name, id="0", mkstream=True)
        except ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):
                raise

    def unfinished(self, count: int) -> list[Event]:
        """What was taken and not acknowledged, oldest first. What the stream has dropped since is passed over."""
        reply = self._redis.xreadgroup(self._name, self._name, {keys.EVENTS: "0"}, count=count)
        entries = reply[0][1] if reply else []
        gone = [entry_id for entry_id, raw in entries if not raw]
        if gone:
            self._redis.xack(keys.EVENTS, self._name, *gone)
        return [_event(entry_id, raw) for entry_id, raw in entries if raw]

    def take(self, count: int, block_ms: int) -> list[Event]:
        """What came since, oldest first; waits for it."""
        reply = self._redis.xreadgroup(self._name, self._name, {keys.EVENTS: ">"}, count=count, block=block_ms)
        return [_event(entry_id, raw) for entry_id, raw in (reply[0][1] if reply else [])]

    def finish(self, taken: Sequence[Event]) -> None:
        """Acknowledge."""
        if taken:
            self._redis.xack(keys.EVENTS, self._name, *(event.id for event in taken))

    def gap(self) -> tuple[str, str] | None:
        """Between which two ids the stream may have dropped what was not taken yet: it keeps only so much.

        None where it reaches back to what was taken last, or nothing was.
        """
        last = self._last_taken()
        stream = self._redis.xinfo_stream(keys.EVENTS)
        first = stream.get("first-entry")
        if last == _BEGINNING or not first or _place(first[0].decode()) <= _place(last):
            return None
        return last, first[0].decode()

    def _last_taken(self) -> str:
        for group in self._redis.xinfo_groups(keys.EVENTS):
            if group["name"] == self._name.encode():
                return str(group["last-delivered-id"].decode())
        return _BEGINNING


def _event(entry_id: bytes, raw: stream_reader.RawFields) -> Event:
    fields = stream_reader.decode_fields(raw)
    return Event(entry_id.decode(), fields.pop("event", "?"), fields)


def _place(entry_id: str) -> tuple[int, int]:
    ms, _, sequence = entry_id.partition("-")
    return int(ms), int(sequence)
