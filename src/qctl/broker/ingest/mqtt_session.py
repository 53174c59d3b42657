"""What Redis remembers of the session that an MQTT broker keeps for one of our clients.

Notes about the last messages committed (`Buffer.append` writes them) are good for one session only: packet ids begin
anew with the next. Whether the broker still has the session is known when it has answered CONNECT, so a process
killed between the two leaves it open. That is why each connect is marked `unsettled` first and settled afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass

from redis import Redis

from qctl.broker.redis import keys


@dataclass(frozen=True)
class Remembered:
    """The notes, oldest first, and whether the last connect was settled."""

    notes: list[str]
    settled: bool


class MqttSession:
    """The session of one client id. Raises what redis-py raises."""

    def __init__(self, connection: Redis, client_id: str) -> None:
        self._redis = connection
        self._session = keys.mqtt_session(client_id)
        self._recent = keys.mqtt_recent(client_id)

    def connecting(self) -> Remembered:
        """Mark it unsettled, before CONNECT is sent."""
        with self._redis.pipeline() as pipe:
            pipe.lrange(self._recent, 0, -1)
            pipe.hset(self._session, "unsettled", 1)
            notes, added = pipe.execute()
        # HSET tells whether the field is new: it was there already where nobody settled.
        return Remembered([note.decode() for note in reversed(notes)], settled=bool(added))

    def resumed(self, *, forget: bool) -> None:
        """The broker still has it. `forget` drops the notes: whose session they were written in is not known."""
        with self._redis.pipeline() as pipe:
            if forget:
                pipe.delete(self._recent)
            pipe.hdel(self._session, "unsettled")
            pipe.execute()

    def begun(self) -> int:
        """The broker made a new one: the notes are void. Returns how many it has made for this client, this one too."""
        with self._redis.pipeline() as pipe:
            pipe.delete(self._recent)
            pipe.hincrby(self._session, "begun", 1)
            pipe.hdel(self._session, "unsettled")
            _, count, _ = pipe.execute()
        return int(count)
