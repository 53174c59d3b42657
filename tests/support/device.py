"""A device that publishes to an MQTT broker with QoS 1 and knows what the broker has acknowledged."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from types import TracebackType

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from support.waiting import eventually

KEEPALIVE_SECONDS = 60
"""Silence after which a device checks whether its broker is still there."""

CLUSTER_KEEPALIVE_SECONDS = 4
"""Silence after which a device that knows other brokers checks whether its own is still there."""

CONNECT_SECONDS = 1.0
"""Time that one of several brokers has to accept a connection."""


class Device:
    """One publisher. Used as a context manager; it reconnects by itself and sends again what it must.

    If its broker is gone it goes on to the next of `others`, addresses of nodes of the same cluster.
    """

    def __init__(
        self,
        port: int,
        version: int = paho.MQTTv5,
        *,
        host: str = "127.0.0.1",
        others: Sequence[tuple[str, int]] = (),
    ) -> None:
        self.host, self.port = host, port
        self._brokers = deque([(host, port), *others])
        self._leaving = False
        self.acknowledged: set[int] = set()
        """Message ids that `publish` returned and the broker has acknowledged."""
        self._lock = threading.Lock()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id="", protocol=MQTTProtocolVersion(version))
        self._client.reconnect_delay_set(1, 1)
        self._client.max_inflight_messages_set(200)
        self._client.on_publish = self._on_publish
        if others:
            self._client.connect_timeout = CONNECT_SECONDS
            self._client.on_disconnect = self._try_next
            self._client.on_connect_fail = self._try_next

    def _try_next(self, *_: object) -> None:
        """Choose the broker of the next attempt to connect."""
        if not self._leaving:
            self._brokers.rotate(-1)
            self._client.connect_async(*self._brokers[0], keepalive=CLUSTER_KEEPALIVE_SECONDS)

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
        keepalive = CLUSTER_KEEPALIVE_SECONDS if len(self._brokers) > 1 else KEEPALIVE_SECONDS
        self._client.connect(self.host, self.port, keepalive)
        self._client.loop_start()
        eventually(self._client.is_connected, what="the device's connection")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leaving = True
        self._client.disconnect()
        self._client.loop_stop()
