"""One connection to an MQTT broker, from CONNECT to its end.

It lives in one thread: paho's network functions are called from the one select loop here, so nothing is acknowledged
while a connection changes. A message can only be acknowledged through the link it came on; packet ids mean nothing on
another. A new connection is a new link, with a paho client of its own.

Subscribed is with QoS 1: of a QoS 2 message paho tells the broker that it has it before we have stored it.
"""

from __future__ import annotations

import logging
import select
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from qctl.compat.paho_fast_publish import QuickClient
from qctl.errors import SettingsError, UnreachableError
from qctl.settings import Settings

log = logging.getLogger(__name__)

SESSION_SECONDS = 7 * 86_400
"""How long the broker keeps the session of a bridge that is away."""

UNSUPPORTED_VERSION = 132
"""Reason code of CONNACK."""

KEEPALIVE = 30
"""Seconds of silence after which either side asks whether the other is there."""

ANSWER = 5.0
"""Seconds to wait for the answer to CONNECT."""

SUBSCRIBED = 30.0
"""Seconds to wait for the answer to SUBSCRIBE: all that the broker has to send again may come before it."""

GOODBYE = 1.0
"""Seconds to get the last acknowledgements and DISCONNECT out."""

QUIET = 0.002
"""Seconds without a new message after which a group is not waited for any longer: a broker with a small window sends
nothing more until it is acknowledged."""

MAX_BYTES = 16 * 1024**2
"""Payload that is read ahead. One message may be larger than this, then it is alone."""


class Message(NamedTuple):
    """A message as it came. `received_ns` is in nanoseconds since 1970, and no two messages have the same."""

    mid: int
    qos: int
    dup: bool
    topic: str
    payload: bytes
    received_ns: int


class Clock:
    """The time of receipt: never the same twice."""

    def __init__(self) -> None:
        self._last = 0

    def now(self) -> int:
        """Nanoseconds since 1970, more than at the last call."""
        self._last = max(time.time_ns(), self._last + 1)
        return self._last


class SilentBrokerError(UnreachableError):
    """The broker took the connection, and did not answer CONNECT."""


def _tls(settings: Settings) -> ssl.SSLContext:
    """How certificates are checked. Raises SettingsError where QCTL_MQTT_CA holds none."""
    try:
        return ssl.create_default_context(cafile=settings.mqtt_ca)
    except OSError as error:
        reason = error.strerror or "holds no certificate"
        raise SettingsError("QCTL_MQTT_CA", f"{str(settings.mqtt_ca)!r} cannot be used: {reason}") from error


class Link:
    """A connection that is being made by `open`. `session_present` says whether the broker had kept our session."""

    def __init__(self, settings: Settings, window: int, clock: Clock, protocol: MQTTProtocolVersion) -> None:
        self._settings = settings
        self._where = settings.mqtt_target
        self._clock = clock
        self._window = window
        self._modern = protocol == MQTTProtocolVersion.MQTTv5
        self._inbox: list[Message] = []
        self._inbox_bytes = 0
        self._connack: Any = None
        self._suback: Any = None
        self._asked = 0.0
        self._lost = ""
        self.session_present = False
        self._client = QuickClient(
            CallbackAPIVersion.VERSION2,
            client_id=settings.mqtt_client_id,
            protocol=protocol,
            manual_ack=True,
            clean_session=None if self._modern else False,
        )
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._on_message
        # With this callback set, paho leaves the sending to our loop instead of doing it within each `ack`.
        self._client.on_socket_register_write = lambda *_: None
        if settings.mqtt_username:
            self._client.username_pw_set(settings.mqtt_username, settings.mqtt_password)
        if settings.mqtt_target.startswith("mqtts:"):
            self._client.tls_set_context(_tls(settings))

    @classmethod
    def open(cls, settings: Settings, window: int, clock: Clock, before_connect: Callable[[], None]) -> Link:
        """Connect, with MQTT 5, or 3.1.1 where the broker does not know 5: one refuses it, another falls silent.

        `window` is how many messages may be on their way to us unacknowledged. `before_connect` is called once the
        broker has been reached and before it is told anything. Raises UnreachableError, and what that raises.
        """
        link = cls(settings, window, clock, MQTTProtocolVersion.MQTTv5)
        try:
            link._dial()
            before_connect()
            try:
                link._introduce()
            except SilentBrokerError as silence:
                link.close()
                link = cls(settings, window, clock, MQTTProtocolVersion.MQTTv311)
                link._dial()
                try:
                    link._introduce()
                except SilentBrokerError:
                    raise silence from None
                log.warning(
                    "%s does not know MQTT 5: with 3.1.1, retained messages come with each connect", link._where
                )
        except BaseException:
            link.close()
            raise
        return link

    @property
    def alive(self) -> bool:
        """Whether it can still be used."""
        return not self._lost

    @property
    def end(self) -> str:
        """Why it is not alive, in one line."""
        return self._lost

    def hears_unasked(self, seconds: float) -> bool:
        """Whether messages come, within so many seconds, before we have subscribed: only a session in which we did
        earlier sends any. They are gathered later."""
        deadline = time.monotonic() + seconds
        while not self._inbox and self.alive and (left := deadline - time.monotonic()) > 0:
            self._pump(left, 1)
        return bool(self._inbox)

    def subscribe(self) -> None:
        """Subscribe with QoS 1. The answer comes later, among the messages."""
        topic = self._settings.mqtt_topic
        self._asked = time.monotonic()
        if self._modern:
            # Retained messages come with a new session, not again with each connect.
            once = SubscribeOptions(qos=1, retainHandling=SubscribeOptions.RETAIN_SEND_IF_NEW_SUB)
            self._client.subscribe(topic, options=once)
        else:
            self._client.subscribe(topic, qos=1)

    def subscribed(self) -> bool:
        """Whether the broker has confirmed the subscription. Raises UnreachableError where it refuses, or is silent."""
        topic = self._settings.mqtt_topic
        if self._suback is None:
            if time.monotonic() - self._asked > SUBSCRIBED:
                raise UnreachableError(f"MQTT broker at {self._where} does not answer SUBSCRIBE")
            return False
        if self._suback.is_failure:
            raise UnreachableError(f"MQTT broker at {self._where} refuses a subscription to {topic}: {self._suback}")
        return True

    def gather(self, limit: int, wait: float, linger: float) -> list[Message]:
        """Up to `limit` messages in the order they came; none where none came within `wait` seconds.

        After the first one more are waited for, up to `linger` seconds, while they keep coming.
        """
        deadline = time.monotonic() + wait
        while not self._inbox and self.alive and (left := deadline - time.monotonic()) > 0:
            self._pump(left, limit)
        deadline = time.monotonic() + linger
        while self._has_room(limit) and self.alive and time.monotonic() < deadline:
            before = len(self._inbox)
            time.sleep(QUIET)
            self._pump(0.0, limit)
            if len(self._inbox) == before:
                break
        taken, self._inbox = self._inbox[:limit], self._inbox[limit:]
        self._inbox_bytes = sum(len(message.payload) for message in self._inbox)
        return taken

    def ack(self, messages: list[Message]) -> None:
        """Acknowledge messages that came on this link, in their order. On a link that is lost nothing happens."""
        if self.alive:
            self._client.ack_all([message.mid for message in messages if message.qos])
        self._flush(0.0)

    def close(self) -> None:
        """Say goodbye. The broker keeps the session, and what was not acknowledged."""
        if self.alive and self._client.socket() is not None:
            self._client.disconnect()
            self._flush(GOODBYE)
        self._cut("closed")

    # --- the loop -----------------------------------------------------------------------------------------

    def _dial(self) -> None:
        """Reach the broker. CONNECT is not sent yet."""
        parts = urlsplit(self._where)
        port = parts.port or (8883 if parts.scheme == "mqtts" else 1883)
        options: dict[str, Any] = {}
        if self._modern:
            properties: Any = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            properties.SessionExpiryInterval = SESSION_SECONDS
            properties.ReceiveMaximum = self._window
            options = {"clean_start": False, "properties": properties}
        try:
            self._client.connect(parts.hostname or "", port, KEEPALIVE, **options)
        except (OSError, ValueError) as error:
            raise UnreachableError(f"MQTT broker at {self._where} cannot be reached: {error}") from error

    def _introduce(self) -> None:
        """Send CONNECT and wait for the answer."""
        deadline = time.monotonic() + ANSWER
        while self._connack is None:
            left = deadline - time.monotonic()
            if left <= 0 or not self.alive:
                reason = self._lost or f"no answer within {ANSWER:.0f} s"
                raise SilentBrokerError(f"MQTT broker at {self._where} does not answer CONNECT: {reason}")
            self._pump(left, 1)
        if self._connack.is_failure:
            kind = SilentBrokerError if self._connack.value == UNSUPPORTED_VERSION else UnreachableError
            raise kind(f"MQTT broker at {self._where} refuses the connection: {self._connack}")

    def _has_room(self, limit: int) -> bool:
        return len(self._inbox) < limit and self._inbox_bytes < MAX_BYTES

    def _pump(self, wait: float, limit: int) -> None:
        """Wait up to `wait` seconds for something to do, then do it: read messages while there is room, write."""
        sock: Any = self._client.socket()
        if sock is None:
            self._cut("the connection is closed")
            return
        with self._at_worst_cut():
            decrypted = isinstance(sock, ssl.SSLSocket) and sock.pending() > 0
            wanted = [sock] if self._client.want_write() else []
            ready = decrypted or self._client.unread > 0
            readable, writable, _ = select.select([sock], wanted, [], 0.0 if ready else wait)
            if readable or ready:
                self._read(limit)
            if writable:
                self._client.loop_write()
            self._client.loop_misc()

    @contextmanager
    def _at_worst_cut(self) -> Iterator[None]:
        """Whatever paho stumbles over in what a broker sends ends this connection, not the bridge."""
        try:
            yield
        except Exception as error:
            log.warning("connection to %s given up", self._where, exc_info=True)
            self._cut(f"{type(error).__name__}: {error}")

    def _read(self, limit: int) -> None:
        """Take what has come, as long as there is room; what is no plain message is paho's matter."""
        client = self._client
        if not client.read_ahead():
            client.loop_read()
            return
        while self._has_room(limit) and client.read_ahead():
            found = client.next_publish()
            if found is not None:
                mid, qos, dup, topic, payload = found
                self._take(mid, qos, dup, topic.decode(errors="surrogateescape"), payload)
                continue
            unread = client.unread
            client.loop_read()
            if client.unread == unread:  # the connection has ended
                return

    def _flush(self, wait: float) -> None:
        """Write what waits to be written, for at most `wait` seconds if the broker does not take it."""
        deadline = time.monotonic() + wait
        with self._at_worst_cut():
            while self.alive and self._client.want_write() and (sock := self._client.socket()) is not None:
                _, writable, _ = select.select([], [sock], [], max(0.0, deadline - time.monotonic()))
                if not writable or self._client.loop_write() != MQTTErrorCode.MQTT_ERR_SUCCESS:
                    return

    def _cut(self, reason: str) -> None:
        """End it without a word. paho does not know of it: from now on it is left alone."""
        self._lost = self._lost or reason
        sock = self._client.socket()
        if sock is not None:
            sock.close()

    # --- what paho calls ----------------------------------------------------------------------------------

    def _on_connect(self, _client: Any, _data: Any, flags: Any, reason: Any, _properties: Any) -> None:
        self._connack = reason
        self.session_present = bool(flags.session_present)

    def _on_disconnect(self, _client: Any, _data: Any, flags: Any, reason: Any, _properties: Any) -> None:
        said = f"the broker ends it: {reason}" if flags.is_disconnect_packet_from_server else "it broke"
        self._lost = self._lost or said

    def _on_subscribe(self, _client: Any, _data: Any, _mid: int, reasons: Any, _properties: Any) -> None:
        self._suback = reasons[0]
        if self._suback.value == 0:
            log.error("%s grants QoS 0 only: messages can be lost on their way to us", self._where)

    def _on_message(self, _client: Any, _data: Any, message: paho.MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError as error:
            topic = error.object.decode(errors="surrogateescape")
        self._take(message.mid, message.qos, message.dup, topic, bytes(message.payload))

    def _take(self, mid: int, qos: int, dup: bool, topic: str, payload: bytes) -> None:
        self._inbox.append(Message(mid, qos, dup, topic, payload, self._clock.now()))
        self._inbox_bytes += len(payload)
