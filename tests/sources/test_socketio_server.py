"""The socket batcher as a process: what a Socket.IO client, a browser and somebody hostile see of it."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import jwt
import pytest
import socketio
from redis import Redis
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from qctl.broker.redis import keys
from qctl.sources.batcher import lost_messages
from support.batcher import Batcher, Sender, message, messages
from support.ingest import items, letters, reason
from support.process import accepts, free_port
from support.servers import RedisServer
from support.waiting import PATIENCE_SECONDS, eventually

NOT_CUT = {"BATCH_CHECK_INTERVAL": "3600"}


@pytest.fixture
def make_batcher(tmp_path: Path, redis_server: RedisServer) -> Iterator[Callable[..., Batcher]]:
    """Makes and starts batchers of `redis_server`, ended with the test."""
    made: list[Batcher] = []

    def make(**env: Any) -> Batcher:
        made.append(Batcher(tmp_path, redis_server.url, name=f"batcher{len(made)}", **{**NOT_CUT, **env}))
        made[-1].start()
        return made[-1]

    yield make
    for batcher in made:
        batcher.end()


@pytest.fixture(scope="module")
def _shared(tmp_path_factory: pytest.TempPathFactory, _shared_redis: RedisServer) -> Iterator[Batcher]:
    with Batcher(tmp_path_factory.mktemp("batcher"), _shared_redis.url, **NOT_CUT) as batcher:
        yield batcher


@pytest.fixture
def batcher(_shared: Batcher, redis_server: RedisServer) -> Batcher:
    """A batcher with all at its default but that it cuts nothing, shared by the tests of this module."""
    eventually(lambda: _shared.takes, what="it takes messages again")
    return _shared


def ids(connection: Redis) -> list[str]:
    """The msg_ids that wait, in order."""
    return [item["msg_id"] for item in items(connection, "messages")]


class Raw:
    """A web socket that speaks what it wants. `hello` connects to the namespace."""

    def __init__(self, batcher: Batcher, hello: bool = True, **options: Any) -> None:
        url = f"ws://127.0.0.1:{batcher.port}/socket.io/?EIO=4&transport=websocket"
        self.socket: ClientConnection = connect(url, max_size=None, **options)
        assert str(self.socket.recv(PATIENCE_SECONDS)).startswith("0{")
        if hello:
            self.socket.send("40")
            assert str(self.socket.recv(PATIENCE_SECONDS)).startswith("40{")

    def event(self, content: Any, id: int | None = None, event: str = "data") -> None:
        """Send an event."""
        self.socket.send(f"42{'' if id is None else id}{json.dumps([event, content])}")

    def answer(self, seconds: float = PATIENCE_SECONDS) -> tuple[int, Any]:
        """The next answer: its id and what it says."""
        text = str(self.socket.recv(seconds))
        assert text.startswith("43"), text
        bracket = text.index("[")
        return int(text[2:bracket]), json.loads(text[bracket:])[0]

    def hears(self, text: str, seconds: float = PATIENCE_SECONDS) -> bool:
        """True if this text arrives next."""
        return self.socket.recv(seconds) == text

    def __enter__(self) -> Raw:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()


# --- taking -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("transport", ["websocket", "polling"])
def test_a_message_is_answered_when_it_is_there(batcher: Batcher, connection: Redis, transport: str) -> None:
    sent = message(f"by-{transport}", message="grüße 🐘", timestamp="2026-01-01T12:00:00.5+02:00")
    with Sender(batcher.url, transport) as sender:
        assert sender.ask(sent) == {"ok": True, "msg_id": sent["msg_id"]}
        (item,) = items(connection, "messages")
    assert item.pop("received_ns") <= time.time_ns()
    assert item == {**sent, "timestamp": "2026-01-01T10:00:00.500000+00:00"}


def test_answers_come_in_the_order_of_the_messages(batcher: Batcher, connection: Redis) -> None:
    with Raw(batcher) as raw:
        for n in range(500):
            raw.event(message(f"m-{n}"), id=n)
        assert [raw.answer()[0] for _ in range(500)] == list(range(500))
    assert ids(connection) == [f"m-{n}" for n in range(500)]


def test_a_message_without_answer_is_taken_too(batcher: Batcher, connection: Redis) -> None:
    with Sender(batcher.url) as sender:
        for each in messages("m", 50):
            sender.send_silently(each)
        eventually(lambda: len(ids(connection)) == 50)


def test_the_same_message_again_is_acknowledged_again(batcher: Batcher) -> None:
    sent = message("m-1")
    with Sender(batcher.url) as sender:
        assert [sender.ask(sent) for _ in range(3)] == [{"ok": True, "msg_id": "m-1"}] * 3


@pytest.mark.parametrize("transport", ["websocket", "polling"])
def test_messages_are_taken_and_acknowledged_once_without_private_names(
    make_batcher: Callable[..., Batcher], connection: Redis, transport: str
) -> None:
    change = "python-socketio changed AsyncServer._handle_event"
    batcher = make_batcher(changed=change)
    with Sender(batcher.url, transport) as sender:
        for each in messages("m", 100):
            sender.send(each)
        eventually(lambda: len(sender.acked) == 100, seconds=60.0)
        for each in messages("n", 20):
            sender.send_silently(each)
        eventually(lambda: len(ids(connection)) == 120)
        assert sender.ask("text")["code"] == "invalid"
    assert ids(connection) == [f"m-{n}" for n in range(100)] + [f"n-{n}" for n in range(20)]
    assert all(len(answers) == 1 for answers in sender.answers.values())
    assert batcher.output.count(f"{change}: Socket.IO events are handled one by one") == 1


def test_a_batcher_without_private_names_says_busy_and_stores_each_message_once(
    tmp_path: Path, own_redis: RedisServer
) -> None:
    change = "uvicorn changed WebSocketsSansIOProtocol.queue"
    with Batcher(tmp_path, own_redis.url, changed=change, **NOT_CUT) as batcher, Sender(batcher.url) as sender:
        assert sender.ask(message("m-1"))["ok"]
        own_redis.stop()
        assert sender.ask(message("m-2"))["code"] == "busy"
        own_redis.start()
        sender.send_until_acked([message("m-2"), message("m-3")])
        client = own_redis.connect()
        try:
            assert set(ids(client)) == {"m-1", "m-2", "m-3"}
        finally:
            client.close()


def test_a_message_may_come_in_fragments(batcher: Batcher, connection: Redis) -> None:
    text = f"421{json.dumps(['data', message('m-1', message=chr(0x1F418))], ensure_ascii=False)}"
    with Raw(batcher) as raw:
        raw.socket.send([text[:7], text[7:60], text[60:]])
        assert raw.answer() == (1, {"ok": True, "msg_id": "m-1"})
    assert ids(connection) == ["m-1"]


def test_nothing_is_taken_out_of_a_web_socket_that_is_not_the_connection_yet(
    batcher: Batcher, connection: Redis
) -> None:
    path = "/socket.io/?EIO=4&transport="
    client = http.client.HTTPConnection("127.0.0.1", batcher.port)

    def ask(method: str, body: str | None = None) -> str:
        client.request(method, f"{path}polling{sid}", body)
        return client.getresponse().read().decode()

    sid = ""
    sid = f"&sid={json.loads(ask('GET')[1:])['sid']}"
    ask("POST", "40")
    assert ask("GET").startswith("40{")
    with connect(f"ws://127.0.0.1:{batcher.port}{path}websocket{sid}") as probe:
        probe.send("2probe")
        assert probe.recv(5) == "3probe"
        probe.send(f"421{json.dumps(['data', message('m-1')])}")
        with pytest.raises(ConnectionClosed):
            probe.recv(5)
    with connect(f"ws://127.0.0.1:{batcher.port}{path}websocket{sid}") as probe:
        probe.send("2probe")
        assert probe.recv(5) == "3probe"
        probe.send("5")
        probe.send(f"422{json.dumps(['data', message('m-2')])}")
        while (answer := probe.recv(5)) == "6":
            pass
        assert str(answer).startswith("432[")
    client.close()
    assert ids(connection) == ["m-2"]


def test_more_than_sixteen_packets_in_one_request_are_all_taken(batcher: Batcher, connection: Redis) -> None:
    """A client that was away and polls sends all that it kept at once."""
    path = "/socket.io/?EIO=4&transport=polling"
    client = http.client.HTTPConnection("127.0.0.1", batcher.port)

    def ask(method: str, query: str = "", body: str | None = None) -> str:
        client.request(method, path + query, body)
        reply = client.getresponse()
        assert reply.status == 200
        return reply.read().decode()

    sid = f"&sid={json.loads(ask('GET')[1:])['sid']}"
    ask("POST", sid, "40")
    events = [f'42["data",{json.dumps(each)}]' for each in messages("m", 1000)]
    assert ask("POST", sid, "\x1e".join(events)) == "OK"
    client.close()
    eventually(lambda: len(ids(connection)) == 1000)


@pytest.mark.parametrize(
    ("event", "content", "why"),
    [
        ("data", {"message": "no id"}, "field 'msg_id' is missing"),
        ("data", "text", "must carry one object"),
        ("data", message("m-1", timestamp="2026-01-01T12:00:00"), "timestamp is not ISO 8601 with a zone"),
        ("data", message("m-1", message="x" * 65_536), "larger than 65536 bytes"),
        ("data", message("m-1", message=b"binary"), "must be strings"),
        ("other", message("m-1"), "unknown event"),
        ("data", message("m-1", user_id="\x1b[31m" * 20), "user_id is longer"),
    ],
    ids=range(7),
)
def test_what_is_no_message_is_refused_and_kept(
    make_batcher: Callable[..., Batcher], connection: Redis, event: str, content: Any, why: str
) -> None:
    batcher = make_batcher()  # its own: one that lost its data between two tests remembers what they sent
    with Sender(batcher.url) as sender:
        for _ in range(2):
            answer = sender.ask(content, event)
            assert (answer["ok"], answer["code"]) == (False, "invalid")
            assert why in answer["reason"]
        sender.send_silently(content, event)
        assert sender.ask(message("m-2"))["ok"]
    found = letters(connection, "messages")
    assert len(found) == 1, [(each.id, each.args, each.meta, each.enqueued_at, reason(each)) for each in found]
    (letter,) = found
    assert why in reason(letter)
    assert ids(connection) == ["m-2"]
    assert connection.hget(keys.ingest("messages"), "rejected") == b"1"


def test_no_payload_is_logged(batcher: Batcher) -> None:
    with Sender(batcher.url) as sender:
        sender.ask(message("m-1", message="a secret of mine"))
        sender.ask({"message": "a secret of mine"})
    assert "secret" not in batcher.output


# --- batches ------------------------------------------------------------------------------------------------


def test_full_batches_are_cut_at_once_and_the_tail_by_its_age(
    make_batcher: Callable[..., Batcher], connection: Redis
) -> None:
    batcher = make_batcher(BATCH_SIZE_THRESHOLD="100", BATCH_CHECK_INTERVAL="1")
    with Sender(batcher.url) as sender:
        sender.send_until_acked(messages("m", 250))
    waiting = keys.queue("socket-data")
    eventually(lambda: connection.lrange(waiting, 0, -1) == [b"messages-0", b"messages-100", b"messages-200"])
    assert sorted(ids(connection)) == sorted(f"m-{n}" for n in range(250))
    assert connection.llen(keys.buffer("messages")) == 0


def test_a_batch_is_not_cut_before_it_is_full_or_due(make_batcher: Callable[..., Batcher], connection: Redis) -> None:
    with Sender(make_batcher(BATCH_SIZE_THRESHOLD="10").url) as sender:
        sender.send_until_acked(messages("m", 9))
        time.sleep(0.3)
        assert connection.llen(keys.queue("socket-data")) == 0
        sender.send_until_acked(messages("n", 1))
        eventually(lambda: connection.llen(keys.queue("socket-data")) == 1)


TOKEN = "s3cret-token-of-these-tests-0123456789"

KEY = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"


# --- who may come in ----------------------------------------------------------------------------------------


def test_only_who_has_the_token_is_admitted(make_batcher: Callable[..., Batcher], connection: Redis) -> None:
    batcher = make_batcher(SOCKET_TOKEN=TOKEN, SECRET_KEY=KEY)
    for auth in (None, {"token": "wrong"}):
        with pytest.raises(socketio.exceptions.ConnectionError), Sender(batcher.url, auth=auth):
            pass
    with Sender(batcher.url, auth={"token": TOKEN}) as sender:
        assert sender.ask(message("m-1", user_id="anybody"))["ok"]
    with Sender(batcher.url, auth={"token": jwt.encode({"sub": "u1", "exp": time.time() + 60}, KEY)}) as sender:
        assert sender.ask(message("m-2", user_id="u1"))["ok"]
        assert sender.ask(message("m-3", user_id="u2"))["reason"] == "user_id is not the token's user"
    (letter,) = letters(connection, "messages")
    assert letter.args[1] == "u1"
    assert TOKEN not in batcher.output


def test_what_is_sent_before_being_admitted_is_not_taken(
    make_batcher: Callable[..., Batcher], connection: Redis
) -> None:
    batcher = make_batcher(SOCKET_TOKEN=TOKEN)
    with Raw(batcher, hello=False) as raw:
        raw.event(message("m-1"), id=1)
        raw.socket.send('40{"token":"wrong"}')
        assert raw.hears('44{"message":"the token is not valid"}')
        raw.event(message("m-2"), id=2)
        raw.socket.send(f'40{{"token":"{TOKEN}"}}')
        with pytest.raises(ConnectionClosed):
            raw.socket.recv(5)
    with Raw(batcher, hello=False) as raw:
        raw.event(message("m-3"), id=3)
        raw.socket.send(f'40{{"token":"{TOKEN}"}}')
        assert str(raw.socket.recv(5)).startswith("40{")
        raw.event(message("m-4"), id=4)
        assert raw.answer() == (4, {"ok": True, "msg_id": "m-4"})
    assert ids(connection) == ["m-4"]


@pytest.mark.parametrize(
    ("origin", "status"),
    [("http://localhost:5173", 200), ("http://evil.example", 400), ("http://localhost:51730", 400), ("null", 400)],
)
def test_pages_of_other_origins_are_kept_out(batcher: Batcher, origin: str, status: int) -> None:
    assert batcher.get("/socket.io/?EIO=4&transport=polling", Origin=origin)[0] == status
    if status == 400:
        with pytest.raises(InvalidStatus):
            Raw(batcher, origin=origin)
    else:
        with Raw(batcher, origin=origin) as raw:
            raw.event(message("m-1"), id=1)
            assert raw.answer()[1]["ok"]


def test_a_page_of_an_allowed_origin_may_read_the_answer(batcher: Batcher) -> None:
    client = http.client.HTTPConnection("127.0.0.1", batcher.port)
    client.request("GET", "/socket.io/?EIO=4&transport=polling", headers={"Origin": "http://localhost:5173"})
    assert client.getresponse().headers["Access-Control-Allow-Origin"] == "http://localhost:5173"
    client.close()


def test_there_are_no_more_connections_than_allowed(make_batcher: Callable[..., Batcher]) -> None:
    batcher = make_batcher(QCTL_SOCKET_CONNECTIONS="2")
    with Raw(batcher), Raw(batcher):
        assert batcher.health["reason"].startswith("the limit of QCTL_SOCKET_CONNECTIONS")
        with pytest.raises(InvalidStatus, match="503"):
            Raw(batcher)
    eventually(lambda: batcher.takes)
    with Raw(batcher):
        pass


# --- limits -------------------------------------------------------------------------------------------------


def test_a_fast_connection_is_read_at_its_rate_and_loses_nothing(
    make_batcher: Callable[..., Batcher], connection: Redis
) -> None:
    batcher = make_batcher(QCTL_SOCKET_RATE="100")
    with Raw(batcher) as raw, Raw(batcher) as other:
        began = time.monotonic()
        for n in range(400):
            raw.event(message(f"m-{n}"), id=n)
        other.event(message("other"), id=7)
        assert other.answer() == (7, {"ok": True, "msg_id": "other"})
        assert connection.llen(keys.buffer("messages")) < 400, "the other one waited until all of these were read"
        assert [raw.answer()[0] for _ in range(400)] == list(range(400))
        assert time.monotonic() - began > 2.9


def test_invalid_messages_use_the_rate_up_sooner(make_batcher: Callable[..., Batcher]) -> None:
    with Raw(make_batcher(QCTL_SOCKET_RATE="100")) as raw:
        began = time.monotonic()
        for n in range(21):
            raw.event({"n": n}, id=n)
        assert [raw.answer()[0] for _ in range(21)] == list(range(21))
        assert time.monotonic() - began > 0.9


def test_a_packet_that_is_too_large_ends_its_connection_alone(batcher: Batcher, connection: Redis) -> None:
    before = batcher.output.count("message too large to be read")
    with Raw(batcher) as raw, Raw(batcher) as other:
        raw.event(message("m-1", message="x" * 2_000_000), id=1)
        with pytest.raises(ConnectionClosed):
            raw.answer()
        other.event(message("m-2"), id=2)
        assert other.answer()[1]["ok"]
    with pytest.raises(socketio.exceptions.SocketIOError), Sender(batcher.url, transport="polling") as sender:
        sender.ask(message("m-3", message="x" * 2_000_000), seconds=2)
    (letter,) = eventually(lambda: letters(connection, "messages"), what="the dead letter")
    assert "larger than 1000000 bytes: the connection was closed" in reason(letter)
    assert batcher.output.count("message too large to be read") - before == 2


def test_who_does_not_read_is_not_read_any_more(make_batcher: Callable[..., Batcher]) -> None:
    batcher = make_batcher(QCTL_SOCKET_RATE="1000000")
    narrow = socket.socket()
    narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    narrow.connect(("127.0.0.1", batcher.port))
    sent = 0

    def flood() -> None:
        nonlocal sent
        with suppress(ConnectionClosed, OSError):
            for sent in range(100_000):
                raw.event(large, id=sent)

    large = message("\N{ELEPHANT}" * 50)
    with Raw(batcher, sock=narrow, max_queue=1, close_timeout=0) as raw, Raw(batcher) as other:
        writer = threading.Thread(target=flood)
        writer.start()

        def stands_still() -> bool:
            before = sent
            time.sleep(0.5)
            return sent == before

        eventually(stands_still, what="the flood is not read")
        assert 0 < sent < 90_000
        other.event(message("m-1"), id=1)
        assert other.answer()[1]["ok"]
        narrow.shutdown(socket.SHUT_RDWR)
        writer.join(PATIENCE_SECONDS)


@pytest.mark.parametrize(
    "packet",
    [
        "4",
        "49",
        "42[",
        "42" + "[" * 100_000,
        '42{"a":1}',
        "42",
        "42null",
        '42["data"',
        "451-",
        '451-["data",{"_placeholder":true,"num":99}]',
        '459999999999-["data"]',
        '4511-["data",{"_placeholder":true,"num":0}]',
        "4" + "9" * 5000,
        "44{}",
        "x",
        "",
        b"\x00\xff",
        '42/other,1["data",{}]',
        "43[]",
        "43999[]",
        "41/none,",
        "2probe",
        "5",
        "1",
    ],
    ids=lambda packet: ascii(packet)[:20],
)
def test_hostile_packets_end_their_connection_at_most(batcher: Batcher, packet: Any) -> None:
    with Raw(batcher) as raw, Raw(batcher) as other:
        try:
            raw.socket.send(packet)
            raw.socket.send(b"attachment")
            raw.event(message("m-1"), id=1)
            while True:
                raw.socket.recv(0.3)
        except (TimeoutError, ConnectionClosed):
            pass
        other.event(message("m-2"), id=2)
        assert other.answer()[1]["ok"]
    assert batcher.running
    assert "Traceback" not in batcher.output


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'42["data",{}]\x1e', 400),
        (b'x42["data",{}]', 400),
        (b"\xff", 400),
        (b"bx", 400),
        (b"4" + b"x" * 2_000_000, 413),
        (b'42["data",{}]', 200),
        (b"", 200),
    ],
    ids=range(7),
)
def test_hostile_requests_are_refused_as_a_whole(batcher: Batcher, body: bytes, status: int) -> None:
    path = "/socket.io/?EIO=4&transport=polling"
    client = http.client.HTTPConnection("127.0.0.1", batcher.port)
    client.request("GET", path)
    sid = json.loads(client.getresponse().read()[1:])["sid"]
    client.request("POST", f"{path}&sid={sid}", iter([body[:7], body[7:]]), encode_chunked=True)
    assert client.getresponse().status == status
    client.close()
    assert "Traceback" not in batcher.output


def test_a_client_that_sends_no_packets_is_sent_away_and_may_come_back(batcher: Batcher) -> None:
    with Raw(batcher) as raw:
        raw.socket.send("42[")
        assert raw.hears("x")
        with pytest.raises(ConnectionClosed):
            raw.socket.recv(10)


# --- how it is ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [
        ("/", "GET", 200),
        ("/", "HEAD", 200),
        ("/healthz", "GET", 200),
        ("/", "POST", 405),
        ("/other", "GET", 404),
        ("/socket.io", "GET", 400),
        ("/socket.iox", "GET", 404),
        ("/socket.io/?EIO=3&transport=polling", "GET", 400),
        ("/socket.io/?EIO=4&transport=polling&sid=none", "POST", 400),
    ],
)
def test_http(batcher: Batcher, path: str, method: str, status: int) -> None:
    found, body = batcher.get(path, method)
    assert found == status
    assert body or method == "HEAD"


def test_it_says_how_it_is(batcher: Batcher) -> None:
    with Raw(batcher) as raw:
        raw.event(message("m-1"), id=1)
        raw.answer()
        health = batcher.health
    assert (health["ok"], health["reason"], health["waiting"]) == (True, None, 0)
    assert health["connections"] >= 1
    assert health["committed"] >= 1


def test_a_web_socket_elsewhere_is_refused(batcher: Batcher) -> None:
    with pytest.raises(InvalidStatus, match="404"):
        connect(f"ws://127.0.0.1:{batcher.port}/elsewhere")


# --- starting and stopping ----------------------------------------------------------------------------------


def test_a_port_that_is_taken_is_named(batcher: Batcher, tmp_path: Path) -> None:
    other = Batcher(tmp_path, "redis://127.0.0.1:1", PORT=str(batcher.port), QCTL_SOCKET_HOST="127.0.0.1")
    other.port = free_port()  # where nobody answers for it
    with pytest.raises(AssertionError, match="ended with 2"):
        other.start()
    assert f"PORT: cannot listen on 127.0.0.1 port {batcher.port}: Address already in use" in other.output


def test_where_it_is_switched_off_it_says_so(tmp_path: Path) -> None:
    batcher = Batcher(tmp_path, "redis://127.0.0.1:1", QCTL_SOCKET_ENABLED="false")
    with pytest.raises(AssertionError, match="ended with 0"):
        batcher.start()
    assert "nothing to do: QCTL_SOCKET_ENABLED is false" in batcher.output


def test_it_starts_without_redis_and_lets_nobody_in(tmp_path: Path) -> None:
    with Batcher(tmp_path, f"redis://127.0.0.1:{free_port()}", patient=True, REDIS_PASSWORD="") as batcher:
        assert batcher.get("/")[0] == 200
        eventually(lambda: batcher.health["reason"] == "Redis is unreachable")
        assert batcher.get("/healthz")[0] == 503
        assert batcher.get("/socket.io/?EIO=4&transport=polling")[0] == 503
        for _ in range(3):
            with pytest.raises(InvalidStatus, match="503"):
                Raw(batcher)
        assert batcher.health["refused"] == 4
        assert batcher.stop() == 0
    assert batcher.output.count("new clients are refused: Redis is unreachable") == 1
    assert "handshake" not in batcher.output, "uvicorn logs a refusal as an error of the application"


def test_connections_are_taken_once_redis_has_answered(tmp_path: Path, redis_server: RedisServer) -> None:
    batcher = Batcher(tmp_path, redis_server.url)
    try:
        redis_server.freeze()
        try:
            batcher.launch()
            with pytest.raises(AssertionError):  # it waits FIRST_CHECK_SECONDS
                eventually(lambda: accepts(batcher.port), seconds=3.0)
        finally:
            redis_server.thaw()
        eventually(lambda: accepts(batcher.port), what="it takes connections")
        with Raw(batcher) as raw:
            raw.event(message("m-1"), id=1)
            assert raw.answer() == (1, {"ok": True, "msg_id": "m-1"})
        assert batcher.health["refused"] == 0
    finally:
        batcher.end()


def test_when_told_to_stop_it_commits_and_answers_what_it_has(
    make_batcher: Callable[..., Batcher], connection: Redis
) -> None:
    batcher = make_batcher()
    with Raw(batcher, max_queue=None) as raw:
        for n in range(300):
            raw.event(message(f"m-{n}"), id=n)
        eventually(lambda: connection.llen(keys.buffer("messages")) == 300)
        stopping = threading.Thread(target=batcher.stop)
        stopping.start()
        answered, n = set(), 299
        while "x" not in answered:
            n += 1
            raw.event(message(f"m-{n}"), id=n)
            with suppress(TimeoutError):  # no more at once than a busy machine gets through before it hangs up
                answered.add(str(raw.socket.recv(0.002)))
        raw.socket.close()  # as every client does when it hears that
        stopping.join(PATIENCE_SECONDS)
    acked = {json.loads(text[text.index("[") :])[0]["msg_id"] for text in answered - {"x"}}
    assert {f"m-{k}" for k in range(300)} <= acked <= set(ids(connection))
    assert set(ids(connection)) == {f"m-{k}" for k in range(n + 1)}
    assert not batcher.running


def test_what_is_lost_at_the_end_is_counted() -> None:
    assert lost_messages(1, "Redis is unreachable") == "1 unacknowledged message lost: Redis is unreachable"
    assert lost_messages(2, "Redis is unreachable") == "2 unacknowledged messages lost: Redis is unreachable"
