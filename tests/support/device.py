"""A device that publishes to an MQTT broker with QoS 1 and knows what the broker has acknowledged."""

from __future__ import annotations

import threading
from types import TracebackType

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from support.waiting import eventually


class Device:
    """One publisher. Used as a context manager; it reconnects by itself and sends again what it must."""

    def __init__(self, port: int, version: int = paho.MQTTv5, *, host: str = "127.0.0.1") -> None:
        self.host, self.port = host, port
        self.acknowledged: set[int] = set()
        """Message ids that `publish` returned and the broker has acknowledged."""
        self._lock = threading.Lock()
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2, client_id="", protocol=paho.MQTTProtocolVersion(version)
        )
        self._client.reconnect_delay_set(1, 1)
        self._client.max_inflight_messages_set(200)
        self._client.on_publish = self._on_publish

    def publish(self, topic: str, payload: bytes | str, qos: int = 1, *, retain: bool = False) -> int:
        """Send a message, soon. Returns its packet id."""
        return self._client.publish(topic, payload, qos, retain=retain).mid

    def say(self, topic: str, *payloads: bytes | str, retain: bool = False) -> None:
        """Publish messages and wait until the broker has them all."""
        sent = {self.publish(topic, payload, retain=retain) for payload in payloads}
        eventually(lambda: sent <= self.acknowledged, what="the broker's acknowledgement")

    def _on_publish(self, _client: object, _data: object, mid: int, _reason: object, _properties: object) -> None:
        with self._lock:
            self.acknowledged.add(mid)

    def __enter__(self) -> Device:
        self._client.connect(self.host, self.port)
        self._client.loop_start()
        eventually(self._client.is_connected, what="the device's connection")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.disconnect()
        self._client.loop_stop()
