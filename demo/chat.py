"""People in a chat, over Socket.IO: most send valid messages, one sends invalid ones."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timezone
from uuid import uuid4

import socketio

from demo.rounds import Round

PEOPLE = ("ada", "grace", "linus")

WORDS = ("Good morning!", "Is the lamp in stock?", "It arrived today, thank you.", "When do you open?", "🐘")


class Chat:
    """One connection that speaks for all of them."""

    def __init__(self, client: socketio.Client) -> None:
        self._client = client
        self._last = uuid4().hex

    def rounds(self) -> list[Round]:
        """Their rounds: two messages a second, and a bad one now and then."""
        return [Round(0.5, self.say), Round(10.0, self.omit_the_zone), Round(17.0, self.say_otherwise, after=5.0)]

    def say(self) -> None:
        """An ordinary message."""
        self._last = uuid4().hex
        self._send(self._last, random.choice(WORDS))

    def omit_the_zone(self) -> None:
        """A timestamp that may mean any hour: refused when it arrives."""
        self._send(uuid4().hex, "What time is it?", datetime.now().isoformat())  # noqa: DTZ005 - the point of it

    def say_otherwise(self) -> None:
        """Another message under an id that is taken: refused by the database, and a dead letter."""
        self._send(self._last, f"I meant {random.random()}")

    def _send(self, msg_id: str, text: str, at: str | None = None) -> None:
        moment = at or datetime.now(timezone.utc).isoformat(timespec="milliseconds")
        message = {"msg_id": msg_id, "message": text, "user_id": random.choice(PEOPLE), "timestamp": moment}
        with suppress(socketio.exceptions.BadNamespaceError):  # there is no connection just now
            self._client.emit("data", message, callback=lambda *_: None)


@contextmanager
def chat(port: int) -> Iterator[Chat]:
    """The people, connected to the batcher on this port, and again whenever they are not."""
    client = socketio.Client(reconnection_delay=1, reconnection_delay_max=5)
    client.connect(f"http://127.0.0.1:{port}", transports=["websocket"], retry=True, wait_timeout=10)
    try:
        yield Chat(client)
    finally:
        client.shutdown()
