"""Fast path for MQTT: read PUBLISH packets and write PUBACK packets in bulk, past paho's per-packet work.

paho reads the socket three times per packet, builds a table of all MQTT 5 properties for each message, and sends each
acknowledgement by itself; that was most of the bridge's CPU time (measured). Here everything the socket holds is read
at once, plain messages are cut out of it, and acknowledgements are sent together. Anything else (a message of QoS 2, a
partial or malformed packet) stays for paho, which reads on as if it came from the socket.

If paho changes, `new_client` returns a client that does all of this through paho's public interface.
"""

from __future__ import annotations

import select
from struct import pack
from typing import Any, NamedTuple

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion

from qctl.compat.private_names import PrivateNames, warn_once

PRIVATE_NAMES = PrivateNames(
    "paho-mqtt",
    (
        "paho.mqtt.client:Client._sock_recv(bufsize)",
        "paho.mqtt.client:Client._in_packet",
        "paho.mqtt.client:Client._packet_queue(command, packet, mid, qos)",
    ),
)

CHANGED = PRIVATE_NAMES.changed()

READ_BYTES = 256 * 1024
"""Maximum size of one read from the socket."""

READ_PACKETS = 100
"""Packets that PublicClient reads in one call; more wait for the next."""

PUBLISH, PUBACK = 0x30, 0x40
"""First bytes of packets, without their flags."""


class Publish(NamedTuple):
    """A PUBLISH packet, with topic and payload as they were sent."""

    mid: int
    qos: int
    dup: bool
    retain: bool
    topic: bytes
    payload: bytes


class FastClient(paho.Client):
    """A client whose `read_ahead` and `next_publish` are called before `loop_read`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._has_properties = self.protocol == MQTTProtocolVersion.MQTTv5
        self._ahead = b""
        self._at = 0

    @property
    def unread(self) -> int:
        """Bytes that were read from the socket and not parsed yet."""
        return len(self._ahead) - self._at

    def read_ahead(self) -> bool:
        """Read all data of the socket if nothing is unread. False if it holds nothing or has ended."""
        if self.unread:
            return True
        try:
            self._ahead, self._at = super()._sock_recv(READ_BYTES), 0
        except OSError:  # paho's next read meets the same error and reports it
            return False
        return bool(self._ahead)

    def next_publish(self) -> Publish | None:
        """Take the next message from the unread bytes, None if they do not begin with a whole plain one."""
        data, at = self._ahead, self._at
        if at + 4 > len(data) or data[at] & 0xF0 != PUBLISH or self._in_packet["command"]:
            return None
        flags, length, at = data[at], data[at + 1], at + 2
        if length & 0x80:
            length, at = length & 0x7F | data[at] << 7, at + 1
        end, qos = at + length, flags >> 1 & 3
        if length > 0x3FFF or end > len(data) or qos > 1 or length < 6:
            return None
        topic_end = at + 2 + (data[at] << 8 | data[at + 1])
        payload_at = topic_end + (2 if qos else 0)
        if topic_end == at + 2 or payload_at + self._has_properties > end:
            return None
        if self._has_properties:
            if data[payload_at] & 0x80:
                return None
            payload_at += 1 + data[payload_at]
            if payload_at > end:
                return None
        self._at = end
        mid = data[topic_end] << 8 | data[topic_end + 1] if qos else 0
        return Publish(mid, qos, bool(flags & 8), bool(flags & 1), data[at + 2 : topic_end], data[payload_at:end])

    def ack_all(self, mids: list[int]) -> None:
        """Acknowledge messages of QoS 1, in this order, with the next write."""
        if mids:
            self._packet_queue(PUBACK, b"".join([pack("!BBH", PUBACK, 2, mid) for mid in mids]), 0, 1)

    def _sock_recv(self, bufsize: int) -> bytes:
        """Give paho the unread bytes before those of the socket."""
        if not self.unread:
            return super()._sock_recv(bufsize)
        taken = self._ahead[self._at : self._at + bufsize]
        self._at += len(taken)
        return taken


class PublicClient(paho.Client):
    """The same through paho's public interface: nothing is read ahead, and every message arrives by `on_message`."""

    unread = 0

    def read_ahead(self) -> bool:
        """Read nothing: `loop_read` does."""
        return False

    def next_publish(self) -> Publish | None:
        """Take nothing: `on_message` does."""
        return None

    def loop_read(self, max_packets: int = 1) -> MQTTErrorCode:
        """Read the packets that the socket holds, up to READ_PACKETS of them."""
        result = super().loop_read(max_packets)
        for _ in range(READ_PACKETS):
            sock: Any = self.socket()
            if result or sock is None or not select.select([sock], [], [], 0)[0]:
                break
            result = super().loop_read(max_packets)
        return result

    def ack_all(self, mids: list[int]) -> None:
        """Acknowledge messages of QoS 1, in this order, with the next write."""
        for mid in mids:
            self.ack(mid, 1)


def new_client(
    protocol: MQTTProtocolVersion, *, client_id: str, clean_session: bool | None
) -> FastClient | PublicClient:
    """A client that leaves every acknowledgement to its user."""
    kind: type[FastClient | PublicClient] = FastClient
    if CHANGED is not None:
        warn_once(CHANGED, "MQTT messages are read one by one, more slowly")
        kind = PublicClient
    return kind(
        CallbackAPIVersion.VERSION2,
        client_id=client_id,
        protocol=protocol,
        manual_ack=True,
        clean_session=clean_session,
    )
