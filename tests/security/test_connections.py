"""Connections: requests that never arrive, connections without end, and clients without a token lock nobody out."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
import requests
import socketio
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from qctl.guard.wrong_tokens import MAX_WRONG_TOKENS
from support.batcher import Batcher, Sender, message
from support.gateway import Gateway
from support.raw_engine import RawPolling, open_web_socket, read_until_closed
from support.servers import RedisServer
from support.waiting import eventually

TOKEN = "b1946ac92492d2347c6235b4d2611184"

TOKENS = {"token": TOKEN}

HEAD = b"POST /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: 127.0.0.1\r\n"

MakeServer = Callable[..., Batcher | Gateway]


@pytest.fixture
def make_batcher(tmp_path: Path, redis_server: RedisServer) -> Iterator[Callable[..., Batcher]]:
    with ExitStack() as stack:

        def make(**env: str) -> Batcher:
            batcher = Batcher(tmp_path, redis_server.url, SOCKET_TOKEN=TOKEN, **env)
            stack.enter_context(batcher)
            return batcher

        yield make


@pytest.fixture(params=["batcher", "gateway"])
def make_server(
    request: pytest.FixtureRequest, make_batcher: Callable[..., Batcher], make_gateway: Callable[..., Gateway]
) -> MakeServer:
    return make_batcher if request.param == "batcher" else make_gateway


def denials(server: Batcher | Gateway) -> dict[str, int]:
    """The denials that the server reports."""
    health = server.health if isinstance(server, Batcher) else server.request("GET", "/healthz").json
    counts: dict[str, int] = health["denials"]
    return counts


def answer(client: socket.socket) -> bytes:
    """Everything that the server sends before it closes the connection; b"" if it closes without a word."""
    received = b""
    with suppress(ConnectionResetError):
        while part := client.recv(4096):
            received += part
    return received


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"", b""),
        (b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n", b"HTTP/1.1 408"),
        (HEAD + b"Content-Length: 10\r\n\r\n4", b"HTTP/1.1 40"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\n4\r\n", b"HTTP/1.1 40"),
    ],
    ids=["nothing", "head", "body", "chunks"],
)
def test_a_request_that_does_not_arrive_is_ended(make_server: MakeServer, sent: bytes, status: bytes) -> None:
    server = make_server(QCTL_REQUEST_TIMEOUT="1")
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as client:
        client.sendall(sent)
        assert answer(client).startswith(status)
    assert denials(server)["unfinished"] == 1


def test_a_sender_of_a_byte_now_and_then_is_ended(make_server: MakeServer) -> None:
    server = make_server(QCTL_REQUEST_TIMEOUT="1")
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as client, suppress(OSError):
        for byte in HEAD * 100:
            client.sendall(bytes([byte]))
            time.sleep(0.05)
        raise AssertionError("it was read for minutes")
    assert denials(server)["unfinished"] == 1


def test_an_address_has_a_limit_and_is_told_when_to_return(make_server: MakeServer) -> None:
    server = make_server(QCTL_MAX_ADDRESS_CONNECTIONS="3", QCTL_REQUEST_TIMEOUT="60")
    with ExitStack() as stack:
        for _ in range(3):
            stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=30))
        refused = stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=30))
        received = answer(refused)
        assert received.startswith(b"HTTP/1.1 503")
        assert b"retry-after: 2" in received
    eventually(lambda: denials(server)["address"] == 1)
    assert server.output.count("refusing began: an address has reached QCTL_MAX_ADDRESS_CONNECTIONS") == 1


def test_connections_that_send_nothing_make_room_for_one_that_does(make_server: MakeServer) -> None:
    server = make_server(QCTL_MAX_CONNECTIONS="20", QCTL_REQUEST_TIMEOUT="60")
    with ExitStack() as stack:
        for _ in range(100):
            stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=30))
        assert denials(server)["connections"] >= 80


def test_a_proxy_has_no_limit_but_the_clients_that_it_names_have(make_batcher: Callable[..., Batcher]) -> None:
    batcher = make_batcher(QCTL_MAX_ADDRESS_CONNECTIONS="2", QCTL_TRUSTED_PROXIES="127.0.0.1")
    path = f"ws://127.0.0.1:{batcher.port}/socket.io/?EIO=4&transport=websocket"
    with ExitStack() as stack:

        def open_for(client: str) -> None:
            headers = {"X-Forwarded-For": client}
            stack.enter_context(connect(path, additional_headers=headers))

        for client in ("192.0.2.1", "192.0.2.1", "192.0.2.2", "192.0.2.3"):
            open_for(client)
        with pytest.raises(InvalidStatus, match="503"):
            open_for("192.0.2.1")
        open_for("192.0.2.4")


@pytest.mark.parametrize("transport", ["websocket", "polling"])
def test_sessions_without_a_token_lock_out_nobody_with_one(
    make_batcher: Callable[..., Batcher], transport: str
) -> None:
    batcher = make_batcher(QCTL_MAX_UNADMITTED="10", QCTL_SOCKET_CONNECTIONS="5", QCTL_REQUEST_TIMEOUT="60")
    with ExitStack() as stack:
        for n in range(40):
            if transport == "websocket":
                stack.enter_context(open_web_socket(batcher.port))
            else:
                stack.callback(RawPolling(batcher.port).close)
            if n % 20 == 19:
                with Sender(batcher.url, transport, auth=TOKENS) as sender:
                    assert sender.ask(message(f"m-{n}"))["ok"]
        assert batcher.health["unadmitted"] <= 10
        assert batcher.health["denials"]["unadmitted"] >= 30


def test_a_session_without_a_token_ends_in_time(make_server: MakeServer) -> None:
    server = make_server(QCTL_REQUEST_TIMEOUT="1")
    polling = RawPolling(server.port)
    with open_web_socket(server.port) as web_socket:
        read_until_closed(web_socket)
    eventually(lambda: denials(server)["unadmitted"] == 2)
    assert polling.post("3")[0] == 400
    polling.close()


def test_an_admitted_client_stays(make_batcher: Callable[..., Batcher]) -> None:
    batcher = make_batcher(QCTL_REQUEST_TIMEOUT="1")
    with Sender(batcher.url, auth=TOKENS) as sender, Sender(batcher.url, "polling", auth=TOKENS) as other:
        time.sleep(2.5)
        assert sender.ask(message("m-1"))["ok"]
        assert other.ask(message("m-2"))["ok"]
    assert batcher.health["denials"]["unadmitted"] == 0


def test_guesses_of_the_token_are_limited_by_address(make_batcher: Callable[..., Batcher]) -> None:
    batcher = make_batcher(QCTL_TRUSTED_PROXIES="127.0.0.1")

    def attempt(token: str, address: str) -> bool:
        with requests.Session() as session:
            client = socketio.SimpleClient(http_session=session)
            try:
                client.connect(
                    batcher.url, auth={"token": token}, headers={"X-Forwarded-For": address}, transports=["polling"]
                )
            except socketio.exceptions.ConnectionError:
                return False
            client.disconnect()
            return True

    assert not any(attempt(f"wrong-{n}", "192.0.2.1") for n in range(MAX_WRONG_TOKENS))
    assert not attempt(TOKEN, "192.0.2.1"), "the address is refused before its token is looked at"
    assert attempt(TOKEN, "192.0.2.2")
    assert batcher.health["denials"]["tokens"] >= 1
    assert TOKEN not in batcher.output
