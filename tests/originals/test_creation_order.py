"""`job:created` reaches a socket of the job's owner before the creation's 201 reaches its client.

Both connections are read by one thread: once the whole response is read, the event must lie in the other connection's
buffer, because the gateway sent it first.
"""

from __future__ import annotations

import base64
import http.client
import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from originals.conftest import MakeOriginal
from qctl.gateway.creation_notices import MAX_WAIT_SECONDS
from support.originals import Original
from support.servers import RedisServer
from support.waiting import PATIENCE_SECONDS

CREATIONS = 25


@pytest.fixture
def site(make_original: MakeOriginal, redis_server: RedisServer) -> Iterator[Original]:
    """QueueCraft's documented settings, without its limits of creations."""
    addresses = {"REDIS_URL": redis_server.url, "MONGODB_URI": ""}
    limits = {"QCTL_OWNER_PER_MINUTE": "0", "QCTL_OWNER_ACTIVE": "0"}
    original = make_original("queuecraft", addresses, QCTL_SIMULATED_SECONDS="0", **limits)
    original.start()
    yield original
    assert original.stop() == 0


class RawSocketIO:
    """A web socket of Socket.IO that reads nothing unless it is asked to: no thread, no buffer of its own."""

    def __init__(self, port: int, token: str) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS)
        self._send(
            b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "
            + base64.b64encode(os.urandom(16))
            + b"\r\n\r\n"
        )
        self.read_until(b'"sid"')
        self._send(_text_frame("40" + json.dumps({"token": token})))
        self.read_until(b'40{"sid"')

    def read_until(self, text: bytes) -> None:
        """Block until the server has sent this text."""
        received = b""
        while text not in received:
            block = self._socket.recv(65_536)
            assert block, f"closed after {received!r}"
            received += block

    def arrived(self) -> bytes:
        """The bytes that have arrived and were not read, without waiting for any."""
        received = b""
        self._socket.setblocking(False)
        try:
            while block := self._socket.recv(65_536):
                received += block
        except BlockingIOError:
            pass
        finally:
            self._socket.settimeout(PATIENCE_SECONDS)
        return received

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    def _send(self, data: bytes) -> None:
        self._socket.sendall(data)


def _text_frame(text: str) -> bytes:
    """A masked frame, as clients send it."""
    payload, mask = text.encode(), os.urandom(4)
    size = bytes([0x80 | 126]) + len(payload).to_bytes(2, "big")
    return b"\x81" + size + mask + bytes(byte ^ mask[n % 4] for n, byte in enumerate(payload))


def test_the_owners_socket_hears_of_a_job_before_its_creator_gets_the_201(site: Original) -> None:
    site.user()
    token = site.token()
    headers = {"Authorization": token, "Content-Type": "application/json"}
    compared = 0
    with closing(RawSocketIO(site.port, token)) as live, closing(_connection(site.port)) as creator:
        for n in range(CREATIONS):
            live.arrived()
            begin = time.monotonic()
            creator.request("POST", "/job/create", json.dumps({"name": f"Job {n}"}), headers)
            response = creator.getresponse()
            job = json.loads(response.read())["job"]
            arrived = live.arrived()
            assert response.status == 201
            if time.monotonic() - begin >= MAX_WAIT_SECONDS:
                continue  # the response does not wait longer for its event
            compared += 1
            assert b'"job:created"' in arrived
            assert job["_id"].encode() in arrived
    assert compared


def _connection(port: int) -> http.client.HTTPConnection:
    return http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)
