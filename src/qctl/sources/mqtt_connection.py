"""One connection to an MQTT broker, from CONNECT to its end.

It lives in one thread: only the select loop here calls paho's network functions, so nothing is acknowledged while a
connection changes. A message can be acknowledged only through the connection it came on, because packet ids mean
nothing on another; every new connection has a paho client of its own.

The subscription has QoS 1: paho acknowledges a QoS 2 message before it has been stored.
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
from paho.mqtt.enums import MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from qctl.compat import paho_client
from qctl.errors import UnreachableError
from qctl.settings import Settings
from qctl.sources.broker_counts import BrokerCounts
from qctl.sources.mqtt_tls import tls_context

log = logging.getLogger(__name__)

SESSION_SECONDS = 7 * 86_400
"""Time for which the broker keeps the session of a bridge that is disconnected."""

SESSION_TAKEN_OVER = 142
"""Reason code of DISCONNECT: another client connected under the same client id."""

SHARED_PREFIX = "$share/qctl/"
"""Begin of the topic filter that several bridges of one host share."""

UNSUPPORTED_VERSION = 132
"""Reason code of CONNACK."""

KEEPALIVE_SECONDS = 30
"""Silence after which either side checks whether the other is still there."""

CLUSTER_KEEPALIVE_SECONDS = 8
"""The same where another broker is known: one that has lost its power is left within twice this time."""

CONNACK_SECONDS = 5.0
"""Time allowed for the answer to CONNECT."""

SUBACK_SECONDS = 30.0
"""Time allowed for the answer to SUBSCRIBE: everything that the broker sends again may come before it."""

CLOSE_SECONDS = 1.0
"""Time allowed to send the last acknowledgements and DISCONNECT."""

IDLE_SECONDS = 0.002
"""Time without a new message after which a group is complete: a broker with a small window sends nothing more until
it gets acknowledgements."""

MAX_INBOX_BYTES = 16 * 1024**2
"""Payload that is read ahead. A larger message is taken alone."""


class Message(NamedTuple):
    """A message as it came. `retain` is true if the broker had kept it; `received_ns` is in nanoseconds since 1970 and
    different for every message."""

    mid: int
    qos: int
    dup: bool
    retain: bool
    topic: str
    payload: bytes
    received_ns: int


class ReceiptClock:
    """Times of receipt, each different from the others."""

    def __init__(self) -> None:
        self._last = 0

    def now(self) -> int:
        """Nanoseconds since 1970, more than at the last call."""
        self._last = max(time.time_ns(), self._last + 1)
        return self._last


class BrokerAwayError(UnreachableError):
    """This broker cannot be reached or refuses us. Another of its cluster may not."""


class SilentBrokerError(BrokerAwayError):
    """The broker accepted the connection but did not answer CONNECT."""


class MqttConnection:
    """A connection that `open` makes. `broker` is the URL of its broker. `session_present` says whether the broker had
    kept our session, `taken_over` whether it ended the connection because another client uses our client id.
    `counts` has what the broker says about itself."""

    def __init__(
        self, settings: Settings, broker: str, window: int, clock: ReceiptClock, protocol: MQTTProtocolVersion
    ) -> None:
        self._settings = settings
        self.broker = broker
        self._clock = clock
        self._window = window
        self._is_v5 = protocol == MQTTProtocolVersion.MQTTv5
        self._inbox: list[Message] = []
        self._inbox_bytes = 0
        self._connack: Any = None
        self._suback: Any = None
        self._subscribe_mid: int | None = None
        self.counts = BrokerCounts(settings.mqtt_topic)
        self._subscribe_at = 0.0
        self._end_reason = ""
        self.session_present = False
        self.taken_over = False
        self._client = paho_client.new_client(
            protocol, client_id=settings.mqtt_client_id, clean_session=None if self._is_v5 else False
        )
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._on_message
        # With this callback set, paho leaves sending to our loop instead of doing it within each `ack`.
        self._client.on_socket_register_write = lambda *_: None
        if settings.mqtt_username:
            self._client.username_pw_set(settings.mqtt_username, settings.mqtt_password)
        if broker.startswith("mqtts:"):
            self._client.tls_set_context(tls_context(settings))

    @classmethod
    def open(
        cls, settings: Settings, broker: str, window: int, clock: ReceiptClock, before_connect: Callable[[], None]
    ) -> MqttConnection:
        """Connect to a broker by its URL, with MQTT 5, or with 3.1.1 if the broker refuses 5 or does not answer it.

        `window` is the number of messages that may be unacknowledged. `before_connect` is called once the broker has
        been reached and before anything is sent to it. Raises BrokerAwayError, and any exception of `before_connect`.
        """
        connection = cls(settings, broker, window, clock, MQTTProtocolVersion.MQTTv5)
        try:
            connection._dial()
            before_connect()
            try:
                connection._log_in()
            except SilentBrokerError as silence:
                connection.close()
                connection = cls(settings, broker, window, clock, MQTTProtocolVersion.MQTTv311)
                connection._dial()
                try:
                    connection._log_in()
                except SilentBrokerError:
                    raise silence from None
                log.warning(
                    "MQTT 5 not supported, using 3.1.1: retained messages come with each connect: broker=%s",
                    connection.broker,
                )
        except BaseException:
            connection.close()
            raise
        return connection

    @property
    def alive(self) -> bool:
        """True if it can still be used."""
        return not self._end_reason

    @property
    def end_reason(self) -> str:
        """The reason that it ended, in one line; empty while it is alive."""
        return self._end_reason

    def receives_unsubscribed(self, seconds: float) -> bool:
        """True if messages come within so many seconds although this connection has not subscribed: only a session that
        subscribed earlier gets any. `gather` returns them."""
        deadline = time.monotonic() + seconds
        while not self._inbox and self.alive and (left := deadline - time.monotonic()) > 0:
            self._pump(left, 1)
        return bool(self._inbox)

    def subscribe(self) -> None:
        """Subscribe with QoS 1. The answer comes later, among the messages.

        The session may have been that of one bridge before, and is that of one of several now, or the other way round:
        the subscription of that time is ended, after the new one was made, so that no message falls between them.
        """
        topic = self._settings.mqtt_topic
        self._subscribe_at = time.monotonic()
        if self._is_v5:
            # Retained messages come with a new session, not again with each connect.
            options = SubscribeOptions(qos=1, retainHandling=SubscribeOptions.RETAIN_SEND_IF_NEW_SUB)
            _, self._subscribe_mid = self._client.subscribe(topic, options=options)
        else:
            _, self._subscribe_mid = self._client.subscribe(topic, qos=1)
        if self._settings.mqtt_drops_topic:
            # It is retained, and comes with each connect.
            self._client.subscribe(self._settings.mqtt_drops_topic, qos=0)
        if self.session_present and (former := _other_form(topic)):
            self._client.unsubscribe(former)

    def unsubscribe(self) -> None:
        """End the subscription, in both forms. The session keeps the messages that it has."""
        topic = self._settings.mqtt_topic
        self._client.unsubscribe([name for name in (topic, _other_form(topic)) if name])

    def end_session(self) -> None:
        """Disconnect, and let the broker end the session. MQTT 3.1.1 cannot: there it stays, without subscriptions."""
        if self._is_v5 and self.alive and self._client.socket() is not None:
            properties: Any = Properties(PacketTypes.DISCONNECT)  # type: ignore[no-untyped-call]
            properties.SessionExpiryInterval = 0
            self._client.disconnect(properties=properties)
            self._flush(CLOSE_SECONDS)
            self._abort("the session has ended")

    def subscribed(self) -> bool:
        """True if the broker has confirmed the subscription. Raises UnreachableError if it refuses or is silent."""
        topic = self._settings.mqtt_topic
        if self._suback is None:
            if time.monotonic() - self._subscribe_at > SUBACK_SECONDS:
                raise UnreachableError(f"MQTT broker at {self.broker} does not answer SUBSCRIBE")
            return False
        if self._suback.is_failure:
            raise UnreachableError(f"MQTT broker at {self.broker} refuses a subscription to {topic}: {self._suback}")
        return True

    def gather(self, limit: int, wait: float, linger: float) -> list[Message]:
        """Up to `limit` messages in the order they came, or none if none came within `wait` seconds.

        After the first one it waits for more, up to `linger` seconds, while they keep coming.
        """
        deadline = time.monotonic() + wait
        while not self._inbox and self.alive and (left := deadline - time.monotonic()) > 0:
            self._pump(left, limit)
        deadline = time.monotonic() + linger
        while self._has_room(limit) and self.alive and time.monotonic() < deadline:
            before = len(self._inbox)
            time.sleep(IDLE_SECONDS)
            self._pump(0.0, limit)
            if len(self._inbox) == before:
                break
        taken, self._inbox = self._inbox[:limit], self._inbox[limit:]
        self._inbox_bytes = sum(len(message.payload) for message in self._inbox)
        return taken

    def ack(self, messages: list[Message]) -> None:
        """Acknowledge messages that came on this connection, in their order. Does nothing once it has ended."""
        if self.alive:
            self._client.ack_all([message.mid for message in messages if message.qos])
        self._flush(0.0)

    def close(self) -> None:
        """Disconnect. The broker keeps the session and all unacknowledged messages."""
        if self.alive and self._client.socket() is not None:
            self._client.disconnect()
            self._flush(CLOSE_SECONDS)
        self._abort("closed")

    # --- the loop -----------------------------------------------------------------------------------------

    def _dial(self) -> None:
        """Reach the broker. CONNECT is not sent yet."""
        parts = urlsplit(self.broker)
        port = parts.port or (8883 if parts.scheme == "mqtts" else 1883)
        options: dict[str, Any] = {}
        if self._is_v5:
            properties: Any = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            properties.SessionExpiryInterval = SESSION_SECONDS
            properties.ReceiveMaximum = self._window
            options = {"clean_start": False, "properties": properties}
        try:
            keepalive = CLUSTER_KEEPALIVE_SECONDS if len(self._settings.mqtt_targets) > 1 else KEEPALIVE_SECONDS
            self._client.connect(parts.hostname or "", port, keepalive, **options)
        except (OSError, ValueError) as error:
            raise BrokerAwayError(f"MQTT broker at {self.broker} cannot be reached: {error}") from error

    def _log_in(self) -> None:
        """Send CONNECT and wait for the answer."""
        deadline = time.monotonic() + CONNACK_SECONDS
        while self._connack is None:
            left = deadline - time.monotonic()
            if left <= 0 or not self.alive:
                reason = self._end_reason or f"no answer within {CONNACK_SECONDS:.0f} s"
                raise SilentBrokerError(f"MQTT broker at {self.broker} does not answer CONNECT: {reason}")
            self._pump(left, 1)
        if self._connack.is_failure:
            kind = SilentBrokerError if self._connack.value == UNSUPPORTED_VERSION else BrokerAwayError
            raise kind(f"MQTT broker at {self.broker} refuses the connection: {self._connack}")

    def _has_room(self, limit: int) -> bool:
        return len(self._inbox) < limit and self._inbox_bytes < MAX_INBOX_BYTES

    def _pump(self, wait: float, limit: int) -> None:
        """Wait up to `wait` seconds for something to do, then read messages while there is room, and write."""
        sock: Any = self._client.socket()
        if sock is None:
            self._abort("the connection is closed")
            return
        with self._aborting_on_error():
            decrypted = isinstance(sock, ssl.SSLSocket) and sock.pending() > 0
            writers = [sock] if self._client.want_write() else []
            ready = decrypted or self._client.unread > 0
            readable, writable, _ = select.select([sock], writers, [], 0.0 if ready else wait)
            if readable or ready:
                self._read(limit)
            if writable:
                self._client.loop_write()
            self._client.loop_misc()

    @contextmanager
    def _aborting_on_error(self) -> Iterator[None]:
        """End this connection at any error that paho raises about data from the broker."""
        try:
            yield
        except Exception as error:
            log.warning("connection aborted: broker=%s", self.broker, exc_info=True)
            self._abort(f"{type(error).__name__}: {error}")

    def _read(self, limit: int) -> None:
        """Take the received messages while there is room; paho handles everything but plain messages."""
        client = self._client
        if not client.read_ahead():
            client.loop_read()
            return
        while self._has_room(limit) and client.read_ahead():
            publish = client.next_publish()
            if publish is not None:
                mid, qos, dup, retain, topic, payload = publish
                self._take(mid, qos, dup, retain, topic.decode(errors="surrogateescape"), payload)
                continue
            unread = client.unread
            client.loop_read()
            if client.unread == unread:  # the connection has ended
                return

    def _flush(self, wait: float) -> None:
        """Write the pending data, for at most `wait` seconds if the broker does not read it."""
        deadline = time.monotonic() + wait
        with self._aborting_on_error():
            while self.alive and self._client.want_write() and (sock := self._client.socket()) is not None:
                _, writable, _ = select.select([], [sock], [], max(0.0, deadline - time.monotonic()))
                if not writable or self._client.loop_write() != MQTTErrorCode.MQTT_ERR_SUCCESS:
                    return

    def _abort(self, reason: str) -> None:
        """Close the socket. paho does not notice, because it is not called any more."""
        self._end_reason = self._end_reason or reason
        sock = self._client.socket()
        if sock is not None:
            sock.close()

    # --- callbacks of paho --------------------------------------------------------------------------------

    def _on_connect(self, _client: Any, _data: Any, flags: Any, reason: Any, _properties: Any) -> None:
        self._connack = reason
        self.session_present = bool(flags.session_present)

    def _on_disconnect(self, _client: Any, _data: Any, flags: Any, reason: Any, _properties: Any) -> None:
        by_broker = flags.is_disconnect_packet_from_server
        self.taken_over = by_broker and reason.value == SESSION_TAKEN_OVER
        self._end_reason = self._end_reason or (f"closed by the broker: {reason}" if by_broker else "connection lost")

    def _on_subscribe(self, _client: Any, _data: Any, mid: int, reasons: Any, _properties: Any) -> None:
        if mid != self._subscribe_mid:
            if reasons[0].is_failure:
                log.warning("drops not counted, the broker refuses: topic=%s", self._settings.mqtt_drops_topic)
            return
        self._suback = reasons[0]
        if self._suback.value == 0:
            log.error("QoS 0 granted: messages can be lost on their way from the broker: broker=%s", self.broker)

    def _on_message(self, _client: Any, _data: Any, message: paho.MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError as error:
            topic = error.object.decode(errors="surrogateescape")
        self._take(message.mid, message.qos, message.dup, message.retain, topic, bytes(message.payload))

    def _take(self, mid: int, qos: int, dup: bool, retain: bool, topic: str, payload: bytes) -> None:
        if self.counts.takes(topic, payload):
            if qos:
                self._client.ack(mid, qos)
            return
        self._inbox.append(Message(mid, qos, dup, retain, topic, payload, self._clock.now()))
        self._inbox_bytes += len(payload)


def _other_form(topic: str) -> str:
    """The filter of one bridge as several bridges share it, and the other way round; empty for another shared one."""
    if topic.startswith(SHARED_PREFIX):
        return topic.removeprefix(SHARED_PREFIX)
    return "" if topic.startswith("$share/") else SHARED_PREFIX + topic
