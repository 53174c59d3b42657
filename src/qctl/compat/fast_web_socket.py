"""uvicorn's web socket with a fast path for text messages.

`socketio_server` uses a web socket without it if uvicorn changes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qctl.compat.private_names import PrivateNames
from qctl.compat.uvicorn_guard import WEBSOCKET_NAMES as GUARD_NAMES
from qctl.compat.uvicorn_guard import GuardedWebSocket

_SANSIO = "uvicorn.protocols.websockets.websockets_sansio_impl:WebSocketsSansIOProtocol"

WEBSOCKET_NAMES = PrivateNames(
    "uvicorn",
    GUARD_NAMES.names
    + tuple(
        f"{_SANSIO}.{name}"
        for name in (
            *("send_receive_event_to_app", "queue", "curr_msg_data_type", "close_sent", "disconnected", "writable"),
        )
    ),
)


class FastWebSocket(GuardedWebSocket):
    """A web socket that offers each text message to `take` before it queues it. `take` returns True if it took it."""

    take: Callable[[bytes], bool] | None = None
    _awaited = False

    async def receive(self) -> Any:
        """Wait for the next event that `take` did not take."""
        self._awaited = True
        try:
            return await super().receive()
        finally:
            self._awaited = False

    def send_receive_event_to_app(self) -> None:
        """Offer a message to `take` if the application waits for the next one, else queue it: the order is kept."""
        at_once = self._awaited and self.queue.empty() and self.curr_msg_data_type == "text" and not self.close_sent
        if at_once and self.take is not None and self.take(b"".join(self.frames)):
            self.frames = []
        else:
            super().send_receive_event_to_app()

    def write(self, text: str) -> bool:
        """Send a text. False if it would have to wait, or cannot be sent any more."""
        if self.disconnected or self.close_sent or self.transport.is_closing() or not self.writable.is_set():
            return False
        self.conn.send_text(text.encode())
        self.transport.write(b"".join(self.conn.data_to_send()))
        return True
