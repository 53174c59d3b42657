"""Packets that hold everybody: what a Socket.IO client sends is bounded before it is parsed, and others have turns.

The bounds are in processor time of the server (`support/bystander.py`).
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass

import pytest
from websockets.exceptions import ConnectionClosed

from qctl.guard.sessions import MAX_UNADMITTED_BYTES, MAX_UNADMITTED_PACKETS
from support.batcher import Batcher, Sender, message
from support.bystander import Bystander, loop_seconds
from support.gateway import Gateway
from support.raw_engine import SEPARATOR, RawPolling, open_web_socket, read_until_closed
from support.servers import RedisServer

TOKEN = "b1946ac92492d2347c6235b4d2611184"

TINY_PACKETS = SEPARATOR.join(["3"] * 330_000)
"""660 kB of the smallest packets. Parsed as they were once, they took the event loop 9 s."""

MAX_WAIT_SECONDS = 0.25
"""Processor time of the event loop that a bystander may wait for."""


@dataclass
class Server:
    """A server of Socket.IO, with the token that admits a client, and a request of a bystander."""

    port: int
    pid: int
    auth: dict[str, str]
    request: Callable[[], object]


@pytest.fixture(scope="module")
def batcher(tmp_path_factory: pytest.TempPathFactory, _shared_redis: RedisServer) -> Iterator[Batcher]:
    with Batcher(tmp_path_factory.mktemp("batcher"), _shared_redis.url, SOCKET_TOKEN=TOKEN) as batcher:
        yield batcher


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, _shared_redis: RedisServer) -> Iterator[Gateway]:
    with Gateway(tmp_path_factory.mktemp("gateway"), _shared_redis.url) as gateway:
        yield gateway


@pytest.fixture(params=["batcher", "gateway"])
def server(request: pytest.FixtureRequest) -> Server:
    if request.param == "gateway":
        gateway: Gateway = request.getfixturevalue("gateway")
        token = {"token": gateway.token("ada")}
        return Server(gateway.port, gateway.pid, token, lambda: gateway.request("GET", "/sync"))
    batcher: Batcher = request.getfixturevalue("batcher")
    return Server(batcher.port, batcher.pid, {"token": TOKEN}, lambda: batcher.get("/"))


def test_a_request_of_many_packets_is_refused_before_it_is_parsed(server: Server) -> None:
    with Bystander(server.pid, server.request) as bystander:
        for _ in range(10):
            stranger = RawPolling(server.port)
            assert stranger.post(TINY_PACKETS)[0] == 413
            assert stranger.post("3")[0] == 400, "its session has ended"
            member = RawPolling(server.port)
            assert member.connect(server.auth).startswith("40{")
            assert member.post(TINY_PACKETS)[0] == 413
            stranger.close()
            member.close()
    assert bystander.longest() < MAX_WAIT_SECONDS


@pytest.mark.parametrize("packet", ["0", "2", "2probe", "5", "6", "7", "", "bx", f"40{SEPARATOR}40", "4" * 9000])
def test_a_request_that_no_client_sends_is_answered_and_ends_its_session(server: Server, packet: str) -> None:
    client = RawPolling(server.port)
    assert client.post(packet or SEPARATOR)[0] in (400, 413)
    assert client.post("3")[0] == 400
    client.close()


@pytest.mark.parametrize(
    "packets",
    [["2"], ["6"], ["5"], ["40{}", "40{}"], ["3"] * (MAX_UNADMITTED_PACKETS + 1), ["4" * 9000], [b"x" * 9000]],
)
def test_a_web_socket_that_sends_too_much_before_its_token_is_closed(
    server: Server, packets: list[str | bytes]
) -> None:
    with open_web_socket(server.port) as client:
        with suppress(ConnectionClosed):
            for packet in packets:
                client.send(packet)
        read_until_closed(client)


def test_clients_may_ping_in_no_state(server: Server) -> None:
    with open_web_socket(server.port) as client:
        client.send(f'40{{"token":"{server.auth["token"]}"}}')
        assert str(client.recv(20)).startswith("40{")
        client.send("2")
        read_until_closed(client)


def frame(payload: bytes, opcode: int = 1, final: bool = True) -> bytes:
    """A frame of a web socket, masked with zeros."""
    return struct.pack("!BB", opcode | (0x80 if final else 0), 0x80 | len(payload)) + bytes(4) + payload


def flood(server: Server, opening: bytes, frames: bytes) -> None:
    """Send megabytes of frames over a web socket that has sent `opening`, and read nothing more."""
    head = (
        "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", server.port), timeout=3) as client:
        client.sendall(head.encode())
        received = b""
        while b'0{"sid' not in received:
            received += client.recv(4096)
        with suppress(OSError):
            client.sendall(opening)
            while opening and b"40{" not in received:
                received += client.recv(4096)
            client.sendall(frames)
            client.shutdown(socket.SHUT_WR)
            while client.recv(65536):
                pass


@pytest.mark.parametrize("admitted", [False, True])
@pytest.mark.parametrize(
    "frames",
    [
        frame(b"3") * 200_000,
        frame(b"4") * 100_000,
        frame(b"", opcode=9) * 100_000,
        frame(b"x", final=False) + frame(b"", opcode=0, final=False) * 200_000,
    ],
    ids=["pongs", "messages", "pings", "fragments"],
)
def test_floods_of_frames_leave_turns_to_others(server: Server, frames: bytes, admitted: bool) -> None:
    token = server.auth["token"].encode()
    auth = b'40{"token":"%s"}' % token
    opening = struct.pack("!BBH", 0x81, 0xFE, len(auth)) + bytes(4) + auth if admitted else b""
    with Bystander(server.pid, server.request) as bystander:
        flood(server, opening, frames)
    assert bystander.longest() < MAX_WAIT_SECONDS


def test_what_a_stranger_sends_costs_little_however_long_it_is(server: Server) -> None:
    """Beyond 8 kB nothing is parsed: ten times as much costs about the same."""
    assert len(TINY_PACKETS) > 10 * MAX_UNADMITTED_BYTES

    def cost(size: int) -> float:
        before = loop_seconds(server.pid)
        for _ in range(20):
            client = RawPolling(server.port)
            client.post(TINY_PACKETS[:size])
            client.close()
        return loop_seconds(server.pid) - before

    cost(MAX_UNADMITTED_BYTES)
    assert cost(len(TINY_PACKETS)) < 5 * cost(MAX_UNADMITTED_BYTES) + 0.5


def test_messages_of_others_are_acknowledged_during_a_flood(batcher: Batcher) -> None:
    server = Server(batcher.port, batcher.pid, {"token": TOKEN}, lambda: None)
    with Sender(batcher.url, auth={"token": TOKEN}) as sender:
        ids = iter(range(100_000))
        with Bystander(batcher.pid, lambda: sender.ask(message(f"m-{next(ids)}"), seconds=30)) as bystander:
            flood(server, b"", frame(b"3") * 200_000)
            for _ in range(5):
                client = RawPolling(batcher.port)
                client.post(TINY_PACKETS)
                client.close()
    assert bystander.longest() < MAX_WAIT_SECONDS
    assert batcher.health["denials"]["packets"] >= 6
    assert batcher.output.count("refusing began: Socket.IO clients sent packets") == 1
