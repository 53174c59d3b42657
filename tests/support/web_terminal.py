"""A browser of the web terminal without a browser: its web socket."""

from __future__ import annotations

import http.client
import json
import time
from urllib.parse import urlencode

import websocket

from support.waiting import PATIENCE_SECONDS

SECONDS = 60.0
"""Time (s) that a text may take to be shown."""


class TerminalSession:
    """Types keys, and reads what the terminal shows."""

    def __init__(self, url: str, *, origin: str, cookie: str) -> None:
        self.socket = websocket.create_connection(url, timeout=PATIENCE_SECONDS, origin=origin, cookie=cookie)
        self._output = ""

    def press(self, text: str) -> None:
        """Type a text."""
        self.socket.send(json.dumps(["stdin", text]))

    def until(self, text: str) -> None:
        """Wait until a text is shown after the one that was waited for before. Text that came together with that one
        counts, because the terminal draws only what changed."""
        deadline = time.monotonic() + SECONDS
        while text not in self._output:
            assert time.monotonic() < deadline, f"{text!r} was not shown: {self._output[-4000:]!r}"
            data = self.socket.recv()
            self._output += data.decode(errors="replace") if isinstance(data, bytes) else data
        self._output = self._output.partition(text)[2]

    def close_reason(self) -> tuple[int, str]:
        """Wait until the server closes the session. Returns the close code and its reason."""
        while True:
            opcode, data = self.socket.recv_data(control_frame=True)
            if opcode == websocket.ABNF.OPCODE_CLOSE:
                return int.from_bytes(data[:2], "big"), data[2:].decode()

    def close(self) -> None:
        """Leave."""
        self.socket.close()


def upgrade_status(url: str, *, origin: str | None, cookie: str | None, host: str | None = None) -> int:
    """The status with which a server answers the request to open a web socket: 101 if it accepts. `host`: the header,
    by default that of the address."""
    try:
        socket = websocket.create_connection(
            url,
            timeout=PATIENCE_SECONDS,
            origin=origin,
            cookie=cookie,
            suppress_origin=origin is None,
            host=host,
        )
    except websocket.WebSocketBadStatusException as error:
        return error.status_code
    socket.close()
    return 101


def panel_cookie(port: int, key: str) -> str:
    """Log in to the panel of a gateway with the admin key. Returns the cookie."""
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)
    try:
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        client.request("POST", "/admin/queues/login", urlencode({"key": key}), kind)
        return str(client.getresponse().headers["Set-Cookie"]).partition(";")[0]
    finally:
        client.close()
