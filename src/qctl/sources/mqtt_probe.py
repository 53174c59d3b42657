"""Probe of an MQTT broker: whether a client without a password may read from it."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from urllib.parse import urlsplit

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from qctl.errors import UnreachableError
from qctl.settings import Settings
from qctl.sources.mqtt_tls import tls_context

CONNECT_SECONDS = 3.0
"""Time allowed for the connection, and for its answer."""

LISTEN_SECONDS = 1.0
"""Time to wait for a message after the broker has granted the subscriptions."""


def is_open(settings: Settings, broker: str) -> bool:
    """True if a client of the broker at this URL without a password gets messages. Raises UnreachableError.

    Some brokers grant every subscription and deliver nothing, so it subscribes to everything and publishes a message to
    a topic of its own, which is not kept; any message that arrives shows that the broker is open.
    """
    got: list[str] = []
    answers: list[bool] = []
    client = paho.Client(
        CallbackAPIVersion.VERSION2,
        client_id=f"qctl-doctor-{secrets.token_hex(8)}",
        protocol=MQTTProtocolVersion.MQTTv311,
    )
    topic = f"qctl/doctor/{secrets.token_hex(8)}"
    client.on_connect = lambda _client, _data, _flags, reason, _properties: answers.append(not reason.is_failure)
    client.on_message = lambda _client, _data, message: got.append(message.topic)
    if broker.startswith("mqtts:"):
        client.tls_set_context(tls_context(settings))
    parts = urlsplit(broker)
    client.connect_timeout = CONNECT_SECONDS
    try:
        client.connect(parts.hostname or "", parts.port or (8883 if parts.scheme == "mqtts" else 1883))
        _pump(client, CONNECT_SECONDS, lambda: bool(answers))
        if answers != [True]:
            return False
        client.subscribe([("#", 0), (topic, 0)])
        client.publish(topic, b"qctl doctor", qos=0)
        _pump(client, LISTEN_SECONDS, lambda: bool(got))
        client.disconnect()
    except (OSError, ValueError) as error:
        raise UnreachableError(f"MQTT broker at {broker} cannot be reached: {error}") from error
    return bool(got)


def _pump(client: paho.Client, seconds: float, is_done: Callable[[], bool]) -> None:
    """Let the client read and write until `is_done`, for at most `seconds`."""
    deadline = time.monotonic() + seconds
    while not is_done() and time.monotonic() < deadline:
        if client.loop(timeout=0.1) != paho.MQTT_ERR_SUCCESS:
            return
