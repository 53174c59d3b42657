"""The MQTT broker of `qctl up`, attacked by another account of the machine: mosquitto and amqtt alike."""

from __future__ import annotations

import resource
import socket
import struct
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import psutil
import pytest
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from qctl.ops import server_checks
from qctl.settings import Settings
from qctl.sources import mqtt_probe
from qctl.stack import servers
from qctl.stack.configs import CONNECTIONS, packet_bytes
from qctl.stack.mqtt_access import MqttAccess
from support.process import Program, accepts, free_port
from support.servers import Mosquitto, RedisServer
from support.waiting import eventually

BIN = Path(sys.executable).parent
MB = 1024**2


@dataclass
class Embedded:
    """A broker as `qctl up` starts it, and the access of its bridge."""

    program: Program
    settings: Settings
    access: MqttAccess

    @property
    def port(self) -> int:
        """Its port on 127.0.0.1."""
        return self.settings.mqtt_port


MakeBroker = Callable[..., Embedded]


@pytest.fixture(params=["mosquitto", "amqtt"])
def make_broker(
    request: pytest.FixtureRequest,
    make_settings: Callable[..., Settings],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[MakeBroker]:
    """Starts one of both brokers; keyword arguments are settings."""
    if request.param == "amqtt":
        monkeypatch.setattr(servers.known_holes, "find_mosquitto", lambda: None)
    with ExitStack() as open_brokers:

        def make(**env: str) -> Embedded:
            settings = make_settings(MQTT_PORT=str(free_port()), **env)
            access = MqttAccess.create(settings)
            spec = servers.mqtt_broker(settings, access)
            assert spec.name == request.param, f"{request.param} is not installed"
            program = Program("broker", spec.command, tmp_path)
            program.launch()
            open_brokers.callback(program.end)
            eventually(lambda: accepts(settings.mqtt_port), what="the broker")
            return Embedded(program, settings, access)

        yield make


class Client:
    """A client with MQTT 3.1.1 and a persistent session; it notes what happens to it."""

    def __init__(self, port: int, client_id: str, user: str | None = None, password: str | None = None) -> None:
        version = MQTTProtocolVersion.MQTTv311
        self.messages: list[str] = []
        self.answers: list[Any] = []
        self.ends = 0
        self.acknowledged: set[int] = set()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id, clean_session=False, protocol=version)
        if user is not None:
            self._client.username_pw_set(user, password)
        self._client.on_connect = lambda _c, _d, _f, reason, _p: self.answers.append(reason)
        self._client.on_disconnect = lambda *_: self._note_end()
        self._client.on_message = lambda _c, _d, message: self.messages.append(message.topic)
        self._client.on_publish = lambda _c, _d, mid, *_: self.acknowledged.add(mid)
        self._client.reconnect_delay_set(60, 60)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        eventually(lambda: self.answers or self.ends, what="the answer to CONNECT")

    @property
    def admitted(self) -> bool:
        """True if the broker accepted it."""
        return bool(self.answers) and not self.answers[0].is_failure

    def reconnect_soon(self) -> None:
        """Connect again a second after the broker ended the connection, in place of a minute."""
        self._client.reconnect_delay_set(1, 1)

    def subscribe(self, topic: str) -> None:
        """Subscribe, and wait for the answer, whatever it is."""
        answered: list[bool] = []
        self._client.on_subscribe = lambda *_: answered.append(True)
        self._client.subscribe(topic, 1)
        eventually(lambda: answered, what="the answer to SUBSCRIBE")

    def publish(self, topic: str, payload: str = "1") -> None:
        """Publish with QoS 1, and wait for the acknowledgement."""
        mid = self._client.publish(topic, payload, 1).mid
        eventually(lambda: mid in self.acknowledged, what="the acknowledgement")

    def close(self) -> None:
        """Disconnect."""
        self._client.disconnect()
        self._client.loop_stop()

    def _note_end(self) -> None:
        self.ends += 1


@contextmanager
def bridge_of(broker: Embedded) -> Iterator[Client]:
    """A client in the place of the bridge, with its access and its subscription."""
    access = broker.access
    client = Client(broker.port, access.client_id, access.username, access.password)
    try:
        assert client.admitted
        client.subscribe("sensors/#")
        yield client
    finally:
        client.close()


@contextmanager
def stranger(broker: Embedded, *words: str) -> Iterator[Client]:
    """A client of another account: a client id, and a name and a password if there are any."""
    client = Client(broker.port, *words)
    try:
        yield client
    finally:
        client.close()


def test_only_the_bridge_reads(make_broker: MakeBroker) -> None:
    broker = make_broker()
    with bridge_of(broker) as bridge, stranger(broker, "spy") as spy:
        assert spy.admitted
        spy.reconnect_soon()  # mosquitto throws out who may not do what it asks
        for topic in ("#", "sensors/#", "$SYS/#"):
            spy.subscribe(topic)
        spy.publish("sensors/livingroom")
        spy.publish("elsewhere")
        eventually(lambda: bridge.messages, what="the reading")
        spy.publish("sensors/attic")
        eventually(lambda: len(bridge.messages) == 2, what="the second reading")
        assert bridge.messages == ["sensors/livingroom", "sensors/attic"]
        assert spy.messages == []
    assert not mqtt_probe.is_open(broker.settings, *broker.settings.mqtt_targets)


def test_nobody_takes_the_session_of_the_bridge(make_broker: MakeBroker) -> None:
    broker = make_broker()
    with bridge_of(broker) as bridge:
        for words in (
            (broker.settings.mqtt_client_id,),
            (broker.settings.mqtt_client_id, broker.access.username, "guessed"),
        ):
            with stranger(broker, *words) as thief:
                thief.publish("sensors/a") if thief.admitted else None
        with stranger(broker, "device") as device:
            device.publish("sensors/b")
        eventually(lambda: "sensors/b" in bridge.messages, what="the reading")
        assert bridge.ends == 0
    again = MqttAccess.create(broker.settings)
    assert again.client_id == broker.access.client_id, "the session outlives a restart"
    assert again.password != broker.access.password
    assert (broker.settings.home / "mqtt-session").stat().st_mode & 0o077 == 0
    assert len(again.client_id.rpartition("-")[2]) == 32


def test_anonymous_clients_can_be_refused(make_broker: MakeBroker) -> None:
    broker = make_broker(QCTL_MQTT_ANONYMOUS="false", MQTT_USERNAME="site", MQTT_PASSWORD="s3cret-for-devices")
    with stranger(broker, "device") as device:
        assert not device.admitted
    with bridge_of(broker) as bridge, stranger(broker, "device", "site", "s3cret-for-devices") as device:
        device.publish("sensors/a")
        eventually(lambda: bridge.messages == ["sensors/a"], what="the reading")


def test_a_huge_packet_is_not_read(make_broker: MakeBroker) -> None:
    broker = make_broker()
    connect = b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x01h"
    before = psutil.Process(broker.program.pid).memory_info().rss
    with bridge_of(broker) as bridge:
        with socket.create_connection(("127.0.0.1", broker.port), timeout=3) as sock:
            sock.sendall(connect)
            assert sock.recv(4)[:1] == b"\x20"
            sock.sendall(b"\x30" + _length(200 * MB) + struct.pack("!H", 9) + b"sensors/x")
            sent = 0
            with suppress(OSError):
                for _ in range(200):
                    sock.sendall(b"x" * MB)
                    sent += 1
            assert sent < 100, "the broker ends the connection, or reads no more of it"
        with stranger(broker, "device") as device:
            device.publish("sensors/b", "x" * (broker.settings.max_payload + 1))
        eventually(lambda: bridge.messages == ["sensors/b"], what="a payload that the bridge reports")
    assert packet_bytes(broker.settings) > broker.settings.max_payload + 1000
    assert psutil.Process(broker.program.pid).memory_info().rss - before < 60 * MB


def _length(number: int) -> bytes:
    """A remaining length as MQTT encodes it."""
    encoded = b""
    while True:
        number, digit = divmod(number, 128)
        encoded += bytes([digit | (0x80 if number else 0)])
        if not number:
            return encoded


def test_five_thousand_connections_leave_the_bridge_alone(make_broker: MakeBroker) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    broker = make_broker()
    before = psutil.Process(broker.program.pid).memory_info().rss
    try:
        with bridge_of(broker) as bridge, stranger(broker, "device") as device, ExitStack() as flood:
            for _ in range(5000):
                with suppress(OSError):
                    flood.enter_context(socket.create_connection(("127.0.0.1", broker.port), timeout=2))
            if broker.program.command[0].endswith("mosquitto"):  # amqtt lets further ones wait
                assert len(psutil.Process(broker.program.pid).net_connections()) <= CONNECTIONS + 20
            device.publish("sensors/c")
            eventually(lambda: bridge.messages == ["sensors/c"], what="the reading")
            assert bridge.ends == 0
        assert psutil.Process(broker.program.pid).memory_info().rss - before < 100 * MB
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


# --- the bridge and the doctor, with brokers that are open -------------------------------------------------------


def bridge(tmp_path: Path, redis: RedisServer, url: str, says: str) -> Program:
    """The bridge as a process, started when it says so."""
    env = {"REDIS_URL": redis.url, "MQTT_BROKER": url, "QCTL_HOME": str(tmp_path), "LOG_FORMAT": "text"}
    return Program("bridge", [str(BIN / "qctl-mqtt-bridge")], tmp_path, env=env, says=says)


def test_a_session_that_was_taken_over_is_an_error_that_says_what_to_do(
    redis_server: RedisServer, tmp_path: Path
) -> None:
    def serve(listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                sock, _ = listener.accept()
                with sock:
                    sock.recv(1000)  # CONNECT
                    sock.sendall(b"\x20\x03\x00\x00\x00")
                    sock.recv(1000)  # SUBSCRIBE
                    sock.sendall(b"\xe0\x02\x8e\x00")  # DISCONNECT, session taken over

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, args=(listener,), daemon=True).start()
        url = f"mqtt://127.0.0.1:{listener.getsockname()[1]}"
        with bridge(tmp_path, redis_server, url, says="session taken over") as program:
            assert "Give each bridge its own MQTT_CLIENT_ID" in program.output


def test_connections_that_end_again_and_again_are_reported(
    redis_server: RedisServer, own_mosquitto: Mosquitto, tmp_path: Path
) -> None:
    with bridge(tmp_path, redis_server, own_mosquitto.url, says="subscribed to") as program:
        for n in range(1, 4):
            eventually(lambda n=n: program.output.count("subscribed to") >= n, 30, "the connection")  # type: ignore[misc]
            Client(own_mosquitto.port, "qctl-mqtt-bridge").close()
        eventually(lambda: "session taken over: probably: the last 3 connections were short" in program.output, 30)


def test_the_doctor_finds_an_open_broker(
    make_settings: Callable[..., Settings], own_mosquitto: Mosquitto, tmp_path: Path
) -> None:
    (found,) = server_checks.check_broker(make_settings(MQTT_BROKER=own_mosquitto.url))
    assert found.status == "degraded"
    assert "lets clients without a password read" in found.reason
    acl = tmp_path / "acl"
    acl.write_text("topic write sensors/#\n")
    own_mosquitto.end()
    own_mosquitto.configure(f"acl_file {acl}")
    own_mosquitto.start()
    (found,) = server_checks.check_broker(make_settings(MQTT_BROKER=own_mosquitto.url))
    assert found.status == "ok"
