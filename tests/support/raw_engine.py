"""A hostile client of Engine.IO: it sends whatever bytes it wants, by polling or by a web socket."""

from __future__ import annotations

import http.client
import json

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

SEPARATOR = "\x1e"


class RawPolling:
    """A session by polling of the server at a port."""

    def __init__(self, port: int) -> None:
        self._http = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self._path = "/socket.io/?EIO=4&transport=polling"
        status, body = self.get()
        assert status == 200, (status, body)
        self._path += f"&sid={json.loads(body[1:].partition(SEPARATOR)[0])['sid']}"

    def get(self) -> tuple[int, str]:
        """Poll."""
        return self._request("GET", b"")

    def post(self, body: str | bytes) -> tuple[int, str]:
        """Send packets."""
        return self._request("POST", body.encode() if isinstance(body, str) else body)

    def connect(self, auth: object = None) -> str:
        """Ask to be admitted. Returns the answer."""
        self.post(f"40{json.dumps(auth) if auth is not None else ''}")
        return self.get()[1]

    def close(self) -> None:
        """Close the HTTP connection."""
        self._http.close()

    def _request(self, method: str, body: bytes) -> tuple[int, str]:
        self._http.request(method, self._path, body or None)
        answer = self._http.getresponse()
        return answer.status, answer.read().decode()


def open_web_socket(port: int) -> ClientConnection:
    """A web socket whose session has begun."""
    web_socket = connect(f"ws://127.0.0.1:{port}/socket.io/?EIO=4&transport=websocket", max_size=None, compression=None)
    assert str(web_socket.recv(20)).startswith("0{")
    return web_socket


def read_until_closed(web_socket: ClientConnection, seconds: float = 20.0) -> None:
    """Read until the server closes the connection. Raises TimeoutError if nothing comes for so long."""
    try:
        while True:
            web_socket.recv(seconds)
    except ConnectionClosed:
        pass
