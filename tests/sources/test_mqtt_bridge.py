"""The bridge within this process: full Redis, hostile and old-fashioned brokers, what it tells its supervisor."""

from __future__ import annotations

import base64
import shutil
import socket
import threading
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
from redis import Redis

from qctl import catalog
from qctl.broker.ingest.buffer import Buffer
from qctl.broker.query.pipeline_status import by_topic, pipelines
from qctl.broker.redis import ingest_keys, keys
from qctl.broker.redis.connection import Backoff
from qctl.compat import paho_client, private_names
from qctl.models import PipelineStatus
from qctl.ops import Ops
from qctl.settings import Settings
from qctl.sources import mqtt_bridge, mqtt_connection
from qctl.sources.mqtt_bridge import MqttBridge
from support.device import Device
from support.ingest import items, letters, reason
from support.process import free_port
from support.servers import Mosquitto, RedisServer
from support.waiting import PATIENCE_SECONDS, eventually


class Running:
    """A bridge in a thread. Used as a context manager."""

    def __init__(self, settings: Settings) -> None:
        self.stop = threading.Event()
        self.beats: list[tuple[str, bool]] = []
        self.error: BaseException | None = None
        self.bridge = MqttBridge(settings, self.stop, self._beat)
        self._thread = threading.Thread(target=self._run)

    def _beat(self, status: str = "", *, ready: bool = True) -> None:
        self.beats.append((status, ready))

    def _run(self) -> None:
        try:
            self.bridge.run()
        except BaseException as error:  # noqa: BLE001 - the test looks at it
            self.error = error

    def end(self) -> None:
        """Stop it and wait until it has. Raises what it raised."""
        self.stop.set()
        self._thread.join(PATIENCE_SECONDS)
        assert not self._thread.is_alive(), "the bridge did not stop"
        if self.error is not None:
            raise self.error

    def __enter__(self) -> Running:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self._thread.join(PATIENCE_SECONDS)

    def connected(self) -> bool:
        """True if it has subscribed."""
        return bool(self.beats) and self.beats[-1][1]


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Short waits between tries, and a look at how full things are before each commit."""
    monkeypatch.setattr(mqtt_bridge, "Backoff", partial(Backoff, 0.05, 0.2))
    monkeypatch.setattr(mqtt_bridge, "LEVEL_CHECK_SECONDS", 0.0)


@pytest.fixture
def make(make_settings: Callable[..., Settings], mosquitto: Mosquitto, request: pytest.FixtureRequest) -> object:
    """Makes a bridge to the shared broker, with a client id and topics of this test."""
    name = request.node.name

    def make(**env: str) -> Running:
        return Running(
            make_settings(
                **{"MQTT_BROKER": mosquitto.url, "MQTT_CLIENT_ID": name, "MQTT_TOPIC": f"{name}/#"}
                | {"QCTL_READINGS_FLUSH_INTERVAL": "3600"}
                | env
            )
        )

    return make


Make = Callable[..., Running]


def numbers(connection: Redis) -> list[int]:
    """The numbers of the readings that are there, each as often as it is."""
    return sorted(item["fields"]["n"] for item in items(connection))


def test_it_is_ready_when_it_has_subscribed(make: Make, mosquitto: Mosquitto) -> None:
    with make(MQTT_BROKER=f"mqtt://127.0.0.1:{free_port()}") as away:
        eventually(lambda: any("cannot be reached" in status for status, _ in away.beats), what="a try")
        away.end()
        assert not any(ready for _, ready in away.beats)
    with make() as bridge:
        eventually(bridge.connected, what="the subscription")
        assert bridge.beats[-1][0] == f"connected to {mosquitto.url}"
        bridge.end()


def test_messages_are_taken_and_acknowledged_once_without_private_names_of_paho(
    connection: Redis,
    make: Make,
    mosquitto: Mosquitto,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(paho_client, "CHANGED", "paho-mqtt changed Client._sock_recv")
    monkeypatch.setattr(private_names, "_warned", set())
    topic = f"{request.node.name}/a"
    with make() as bridge, Device(mosquitto.port) as device:
        eventually(bridge.connected, what="the subscription")
        device.say(topic, *(f'{{"n": {n}}}' for n in range(300)))
        eventually(lambda: len(numbers(connection)) >= 300, what="all readings")
        bridge.end()
    with make() as bridge, Device(mosquitto.port) as device:  # the broker sends again what was not acknowledged
        eventually(bridge.connected, what="the subscription")
        device.say(topic, '{"n": 300}')
        eventually(lambda: 300 in numbers(connection), what="the next reading")
        bridge.end()
    assert numbers(connection) == list(range(301))
    assert bridge.bridge._counts["duplicates"] == 0
    assert caplog.text.count("paho-mqtt changed Client._sock_recv: MQTT messages are read one by one") == 1


def test_a_full_buffer_holds_the_messages_back(
    connection: Redis, make: Make, mosquitto: Mosquitto, request: pytest.FixtureRequest
) -> None:
    with make(QCTL_BUFFER_HIGH_WATER="10", QCTL_MQTT_RECEIVE_MAXIMUM="4") as bridge, Device(mosquitto.port) as device:
        eventually(bridge.connected, what="the subscription")
        device.say(f"{request.node.name}/a", *(f'{{"n": {n}}}' for n in range(30)))
        eventually(lambda: any("items wait in the buffer" in status for status, _ in bridge.beats), what="a halt")
        assert 10 <= connection.llen(keys.buffer("readings")) <= 14
        taken = []
        while len(taken) < 30:
            eventually(lambda: connection.llen(keys.buffer("readings")) > 0, what="more")
            taken += connection.lpop(keys.buffer("readings"), 100)
        bridge.end()
    assert len(set(taken)) == 30


@pytest.mark.parametrize("stall", [30.0, 0.1])
def test_a_full_redis_loses_and_doubles_nothing(
    own_redis: RedisServer,
    make: Make,
    mosquitto: Mosquitto,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    stall: float,
) -> None:
    monkeypatch.setattr(mqtt_bridge, "STALL_SECONDS", stall)
    monkeypatch.setattr(mqtt_bridge, "LEVEL_CHECK_SECONDS", 3600.0)  # it finds out by Redis's refusal
    name = request.node.name
    client = own_redis.connect()
    with (
        make(REDIS_URL=own_redis.url, MQTT_CLIENT_ID="full", MQTT_TOPIC="full/#") as bridge,
        Device(mosquitto.port) as device,
    ):
        eventually(bridge.connected, what="the subscription")
        client.config_set("maxmemory", "1")
        device.say("full/a", *(f'{{"n": {n}}}' for n in range(20)))
        eventually(lambda: any("is full" in status for status, _ in bridge.beats), what="a halt")
        if stall < 1:
            tries = len(bridge.beats)
            eventually(lambda: len(bridge.beats) > tries + 8, what="a closed connection and more tries")
        assert numbers(client) == []
        client.config_set("maxmemory", "0")
        eventually(lambda: len(numbers(client)) >= 20, what="the readings")
        device.say("full/a", '{"n": 20}')
        eventually(lambda: 20 in numbers(client), what="one more")
        bridge.end()
    assert numbers(client) == list(range(21)), name
    client.close()


def test_a_read_only_redis_is_waited_for(own_redis: RedisServer, make: Make, caplog: pytest.LogCaptureFixture) -> None:
    client = own_redis.connect()
    client.replicaof("127.0.0.1", "1")
    with make(REDIS_URL=own_redis.url, MQTT_CLIENT_ID="readonly") as bridge:
        eventually(lambda: "is a read-only replica and takes no writes" in caplog.text, what="a refusal")
        client.replicaof("NO", "ONE")
        eventually(bridge.connected, what="the subscription")
        bridge.end()
    client.close()


def test_what_ends_the_cutting_ends_the_bridge(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> int:
        raise ZeroDivisionError

    monkeypatch.setattr(Buffer, "cut_batches", broken)
    with make() as bridge:
        eventually(lambda: bridge.error is not None, what="the end")
        assert isinstance(bridge.error, ZeroDivisionError)


def test_a_broker_that_knows_only_mqtt_3(
    connection: Redis, make: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    real = shutil.which
    monkeypatch.setattr(shutil, "which", lambda name, **more: None if name == "mosquitto" else real(name, **more))
    monkeypatch.setattr(mqtt_connection, "CONNACK_SECONDS", 1.0)
    with Mosquitto(tmp_path) as broker:
        assert isinstance(broker, Mosquitto)
        assert not broker.persistent
        with make(MQTT_BROKER=broker.url, MQTT_TOPIC="#") as bridge:
            eventually(bridge.connected, what="the subscription")
            with Device(broker.port, version=4) as device:
                device.say("old/a", '{"n": 1}', '{"n": 2}')
                eventually(lambda: numbers(connection) == [1, 2], what="the readings")
            bridge.end()
    assert "MQTT 5 not supported" in caplog.text


# --- hostile brokers ---------------------------------------------------------------------------------------------

CONNACK = b"\x20\x03\x00\x00\x00"
SUBACK = b"\x90\x04\x00\x01\x00\x01"


def publish(topic: bytes, payload: bytes, mid: int, flags: int = 0) -> bytes:
    """A PUBLISH packet with QoS 1, of less than 128 bytes."""
    body = len(topic).to_bytes(2, "big") + topic + mid.to_bytes(2, "big") + b"\x00" + payload
    return bytes([0x32 | flags, len(body)]) + body


class HostileBroker:
    """Accepts connections, and says to each the next of its lines; to all that come later the last one."""

    def __init__(self, *lines: bytes) -> None:
        self._lines = list(lines)
        self.heard: list[bytes] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"mqtt://127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._socket.accept()
            except OSError:
                return
            line = self._lines.pop(0) if len(self._lines) > 1 else self._lines[0]
            with client:
                try:
                    self._talk(client, line)
                except OSError:
                    continue

    def _talk(self, client: socket.socket, line: bytes) -> None:
        self.heard.append(client.recv(4096))
        client.sendall(line)
        client.settimeout(1.0)
        while data := client.recv(4096):
            self.heard[-1] += data

    def __enter__(self) -> HostileBroker:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(PATIENCE_SECONDS)


def test_whatever_a_broker_sends_the_bridge_goes_on(connection: Redis, make: Make) -> None:
    garbage = [
        b"",
        b"\x00" * 100,
        b"\xff" * 100,
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        CONNACK[:-1],
        b"\x20\x01\x00",
        b"\x20\x03\x00\xee\x00",  # a reason code that nobody knows
        b"\x20\x05\x00\x00\x02\x13\x00",  # a property cut short
        CONNACK + b"\x32\xff\xff\xff\xff\xff",
        CONNACK + b"\x32\x02\x00\xff",
        CONNACK + b"\x32\x05\x00\x01a\x00\x01",
        CONNACK + b"\x90\x00",
        CONNACK + b"\x90\x03\x00\x01\x00" + publish(b"sensors/a", b"0", 9),  # an answer to SUBSCRIBE without one
        CONNACK + b"\x90\x04\x00\x01\x00\x87",  # not authorized to subscribe
        CONNACK + b"\x62\x02\x00\x01" + b"\xf0\x00",
        CONNACK + b"\xe0\x02\x8e\x00",  # the session was taken over
    ]
    good = CONNACK + SUBACK + publish(b"sensors/a", b'{"n": 1}', 1)
    with HostileBroker(*garbage, good) as broker, make(MQTT_BROKER=broker.url) as bridge:
        eventually(lambda: 1 in numbers(connection), what="a reading")
        bridge.end()


def test_a_topic_that_is_no_text_is_a_dead_letter(connection: Redis, make: Make) -> None:
    lines = (
        publish(b"sensors/\xff", b"1", 1),
        publish(b"sensors/\x1b[31m", b"2", 2),
        publish(b"", b"3", 3),
        publish(b"sensors/a", b'{"n": 4}', 4),
    )
    with (
        HostileBroker(CONNACK + SUBACK + b"".join(lines)) as broker,
        make(MQTT_BROKER=broker.url) as bridge,
    ):
        eventually(lambda: 4 in numbers(connection), what="the reading")
        eventually(lambda: broker.heard and broker.heard[0].endswith(b"\x40\x02\x00\x04"), what="the acknowledgements")
        bridge.end()
    acks = broker.heard[0][broker.heard[0].index(b"\x40\x02") :]
    assert acks.startswith(b"".join(b"\x40\x02\x00" + bytes([mid]) for mid in (1, 2, 3, 4)))
    reasons = {base64.b64decode(letter.args[1]): reason(letter) for letter in letters(connection)}
    assert reasons[b"1"] == reasons[b"2"] == "topic contains a control character or is not UTF-8"
    assert reasons[b"3"] == "topic is empty"
    assert {letter.args[0] for letter in letters(connection)} == {"sensors/\udcff", "sensors/\x1b[31m", ""}


def test_a_message_that_is_sent_again_is_acknowledged_and_not_taken_again(connection: Redis, make: Make) -> None:
    resumed = b"\x20\x03\x01\x00\x00"
    first = CONNACK + SUBACK + publish(b"sensors/a", b'{"n": 1}', 7)
    again = resumed + SUBACK + publish(b"sensors/a", b'{"n": 1}', 7, flags=8) + publish(b"sensors/a", b'{"n": 2}', 8)
    with HostileBroker(first, again) as broker, make(MQTT_BROKER=broker.url) as bridge:
        eventually(lambda: 2 in numbers(connection), what="the second reading")
        eventually(lambda: broker.heard[1].find(b"\x40\x02\x00\x08") > 0, what="its acknowledgement")
        bridge.end()
    assert broker.heard[1].find(b"\x40\x02\x00\x07") > 0
    assert numbers(connection)[:2] == [1, 2]
    assert connection.hget(keys.ingest("readings"), "sessions_lost") is None


def test_a_session_whose_connect_went_unheard_is_known_by_what_it_sends_again(connection: Redis, make: Make) -> None:
    """The notes outlast a connect that nobody knows the end of, and the connection after it."""
    resumed = b"\x20\x03\x01\x00\x00"
    first, second = (publish(b"sensors/a", b'{"n": %d}' % mid, mid) for mid in (1, 2))
    first_again, second_again = (publish(b"sensors/a", b'{"n": %d}' % mid, mid, flags=8) for mid in (1, 2))
    lines = (
        CONNACK + SUBACK + first + second,
        b"\x20\x03\x00\x88\x00",  # the server is unavailable
        resumed + first_again + b"\xff\xff",  # it breaks before the second one
        resumed + SUBACK + first_again + second_again + publish(b"sensors/a", b'{"n": 3}', 3),
    )
    with HostileBroker(*lines) as broker, make(MQTT_BROKER=broker.url) as bridge:
        eventually(lambda: 3 in numbers(connection), what="the third reading")
        bridge.end()
    assert numbers(connection)[:3] == [1, 2, 3]


def test_the_same_message_with_the_same_id_in_a_new_session_is_another_one(connection: Redis, make: Make) -> None:
    message = publish(b"sensors/a", b'{"n": 1}', 7)
    again = publish(b"sensors/a", b'{"n": 1}', 7, flags=8)
    with (
        HostileBroker(CONNACK + SUBACK + message, CONNACK + SUBACK + again) as broker,
        make(MQTT_BROKER=broker.url) as bridge,
    ):
        eventually(lambda: len(numbers(connection)) >= 2, what="both readings")
        bridge.end()
    assert int(connection.hget(keys.ingest("readings"), "sessions_lost")) >= 1


def test_what_came_by_which_topic_is_told(
    connection: Redis, make: Make, mosquitto: Mosquitto, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mqtt_bridge, "TOPICS_SECONDS", 0.05)
    name = request.node.name
    with make() as bridge, Device(mosquitto.port) as device:
        eventually(bridge.connected, what="the subscription")
        device.say(f"{name}/a", '{"n": 1}', '{"n": 2}', "{ nonsense")
        device.say(f"{name}/b", '{"n": 3, "ts": 1700000000}')
        eventually(lambda: len(by_topic(connection, "readings")) == 2, what="the counts")
        bridge.end()
    found = {each.topic: each for each in by_topic(connection, "readings")}
    a, b = found[f"{name}/a"], found[f"{name}/b"]
    assert (a.received, a.rejected, b.received, b.rejected) == (2, 1, 1, 0)
    assert a.lag == 0
    assert b.lag is not None
    assert b.lag > 86_400


def test_counts_that_cannot_be_told_hold_up_nothing(
    connection: Redis, make: Make, mosquitto: Mosquitto, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mqtt_bridge, "TOPICS_SECONDS", 0.0)
    connection.set(keys.topics("readings"), "text")
    with make() as bridge, Device(mosquitto.port) as device:
        eventually(bridge.connected, what="the subscription")
        for number in range(3):
            device.say(f"{request.node.name}/a", f'{{"n": {number}}}')
        eventually(lambda: numbers(connection) == [0, 1, 2], what="the readings")
        bridge.end()


def test_it_stops_while_a_broker_is_silent(make: Make) -> None:
    with HostileBroker(b"") as broker, make(MQTT_BROKER=broker.url) as bridge:
        eventually(lambda: broker.heard, what="a connection")
        bridge.end()


def test_a_retained_message_without_a_time_is_stored_once(
    connection: Redis, make: Make, mosquitto: Mosquitto, request: pytest.FixtureRequest
) -> None:
    topic = f"{request.node.name}/dead-since-a-year"
    with Device(mosquitto.port) as device:
        device.say(topic, '{"n": 1}', retain=True)
        for session in range(3):  # a new session each time, as after a broker that lost its state
            with make(MQTT_CLIENT_ID=f"{request.node.name}-{session}") as bridge:
                eventually(lambda: bridge.bridge._counts["received"] == 1, what="the retained message")
                bridge.end()
        device.say(topic, "", retain=True)
    (item,) = items(connection)
    assert item["tags"] == {"retained": "true"}
    (found,) = [each for each in by_topic(connection, "readings") if each.topic == topic]
    assert (found.received, found.ignored) == (1, {"retained again": 2})


def test_a_retained_message_that_came_when_it_was_new_is_not_stored_again(
    connection: Redis, make: Make, mosquitto: Mosquitto, request: pytest.FixtureRequest
) -> None:
    topic = f"{request.node.name}/a"
    with Device(mosquitto.port) as device:
        with make() as bridge:
            eventually(bridge.connected, what="the subscription")
            device.say(topic, '{"n": 1}', retain=True)
            eventually(lambda: len(items(connection)) == 1, what="the reading")
            bridge.end()
        mosquitto_forgets = make(MQTT_CLIENT_ID=request.node.name, MQTT_TOPIC=f"{request.node.name}/+")
        with mosquitto_forgets as bridge:  # another filter: the broker sends what it has retained
            eventually(lambda: bridge.bridge._counts["received"] == 1, what="the retained message")
            bridge.end()
        device.say(topic, "", retain=True)
    assert len(items(connection)) == 1


def test_what_is_no_reading_by_intent_is_counted_and_no_dead_letter(
    connection: Redis, make: Make, mosquitto: Mosquitto, request: pytest.FixtureRequest
) -> None:
    name = request.node.name
    with make(QCTL_MQTT_IGNORE=f"{name}/+/debug,homeassistant/#") as bridge, Device(mosquitto.port) as device:
        eventually(bridge.connected, what="the subscription")
        device.say(f"{name}/a/availability", "offline")
        device.say(f"{name}/a/gone", "")
        device.say(f"{name}/a/debug", "{ no JSON")
        device.say(f"{name}/a", '{"n": 1, "broken": NaN, "timestamp": 48213}')
        eventually(lambda: len(items(connection)) == 1, what="the reading")
        eventually(lambda: len(by_topic(connection, "readings")) == 4, what="the counts")
    assert letters(connection) == []
    found = {str(each.topic).partition("/a")[2]: each for each in by_topic(connection, "readings")}
    assert found["/availability"].ignored == {"status word": 1}
    assert found["/gone"].ignored == {"empty payload": 1}
    assert found["/debug"].ignored == {"QCTL_MQTT_IGNORE": 1}
    assert (found[""].left_out, found[""].clocks) == ({"broken": 1}, 1)


def pipelines_status(connection: Redis, settings: Settings) -> PipelineStatus:
    (status,) = pipelines(connection, catalog.pipelines(["readings"]), settings.batch_size)
    return status


def accounted(connection: Redis, settings: Settings) -> int:
    """Messages that were stored, and those that the broker said it dropped."""
    status = pipelines_status(connection, settings)
    return status.received + status.broker_dropped


def test_messages_that_the_broker_dropped_are_counted(
    make_settings: Callable[..., Settings], connection: Redis, tmp_path: Path
) -> None:
    broker = Mosquitto(tmp_path, stand_in=False)
    broker.configure("max_queued_messages 5", "max_inflight_messages 1", "sys_interval 1")
    broker.start()
    topic = "$SYS/broker/publish/messages/dropped"
    settings = make_settings(
        MQTT_BROKER=broker.url, MQTT_TOPIC="sensors/#", QCTL_MQTT_DROPS_TOPIC=topic, QCTL_MQTT_RECEIVE_MAXIMUM="1"
    )
    counts = ingest_keys.broker_drops("readings")
    try:
        with Running(settings) as running:
            eventually(lambda: connection.hlen(counts) == 1, what="the count of the broker")
            running.end()
        with Device(broker.port) as device:
            device.say("sensors/a", *(b'{"t": %d}' % number for number in range(40)))
        with Running(settings) as running:
            eventually(lambda: accounted(connection, settings) == 40, what="all are stored or dropped")
            running.end()
    finally:
        broker.end()
    status = pipelines_status(connection, settings)
    assert status.broker_dropped > 0
    assert status.broker_dropped_at is not None
    assert {topic.topic for topic in by_topic(connection, "readings")} == {"sensors/a"}
    with closing(Ops(settings)) as ops:
        (finding,) = (finding for finding in ops.health.check().findings if finding.check == "broker drops")
        assert (finding.status, "dropped messages" in finding.reason) == ("degraded", True)
