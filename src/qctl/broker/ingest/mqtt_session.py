"""State of the session that an MQTT broker keeps for a client.

`Buffer.append` writes notes about the last committed messages. They are valid for one session only, because packet ids
start again in the next. Only the reply to CONNECT shows whether the broker still has the session, and a process may be
killed before it. So each connect is marked `unsettled` first, and the mark is deleted after the reply.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from redis import Redis

from qctl.broker.redis import keys


@dataclass(frozen=True)
class SessionState:
    """The notes, oldest first, and whether the last connect was completed. `retained` holds digests of retained
    messages by topic, of all sessions of all clients."""

    notes: list[str]
    settled: bool
    retained: Mapping[str, str] = field(default_factory=dict)


class MqttSession:
    """The session of one client id. Raises redis-py's exceptions."""

    def __init__(self, connection: Redis, client_id: str, pipeline: str) -> None:
        self._redis = connection
        self._retained = keys.mqtt_retained(pipeline)
        self._session = keys.mqtt_session(client_id)
        self._recent = keys.mqtt_recent(client_id)

    def begin_connect(self) -> SessionState:
        """Mark the session as unsettled. Call it before CONNECT is sent."""
        with self._redis.pipeline() as pipe:
            pipe.lrange(self._recent, 0, -1)
            pipe.hset(self._session, "unsettled", 1)
            pipe.hgetall(self._retained)
            notes, added, retained = pipe.execute()
        # HSET returns 0 if the field existed: then the last connect was not completed.
        texts = {name.decode(errors="surrogateescape"): text.decode() for name, text in retained.items()}
        return SessionState([note.decode() for note in reversed(notes)], settled=bool(added), retained=texts)

    def record_resumed(self, *, discard_notes: bool) -> None:
        """Record that the broker resumed the session. Pass `discard_notes` if they may be those of another session."""
        with self._redis.pipeline() as pipe:
            if discard_notes:
                pipe.delete(self._recent)
            pipe.hdel(self._session, "unsettled")
            pipe.execute()

    def record_new_session(self) -> int:
        """Record that the broker began a new session, and delete the notes. Returns the number of sessions so far."""
        with self._redis.pipeline() as pipe:
            pipe.delete(self._recent)
            pipe.hincrby(self._session, "begun", 1)
            pipe.hdel(self._session, "unsettled")
            _, count, _ = pipe.execute()
        return int(count)

    def delete(self) -> None:
        """Delete what is known of the session, which has ended."""
        self._redis.delete(self._session, self._recent)


def known_sessions(connection: Redis, client_ids: Iterable[str]) -> list[str]:
    """The client ids that have had a session. Raises redis-py's exceptions."""
    names = list(client_ids)
    with connection.pipeline() as pipe:
        for name in names:
            pipe.exists(keys.mqtt_session(name))
        return [name for name, exists in zip(names, pipe.execute(), strict=True) if exists]
