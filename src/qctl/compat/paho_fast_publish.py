"""paho's MQTT client, quick where there is one of something a message: reading PUBLISH and writing PUBACK.

paho asks the socket three times a packet, builds a table of all properties there are for each MQTT 5 message, and sends
each acknowledgement by itself: that was most of what the bridge did (measured). Here what has come is read in one go,
plain messages are taken out of it, and acknowledgements go together. Whatever is not a whole, plain message of QoS 0
or 1 is left to paho, which reads on as if it came from the socket. Of paho's inner parts three are used: `_sock_recv`,
`_in_packet` and `_packet_queue`, alike in 2.1 and 2.2.
"""

from __future__ import annotations

from struct import pack
from typing import Any, NamedTuple

import paho.mqtt.client as paho
from paho.mqtt.enums import MQTTProtocolVersion

AHEAD = 256 * 1024
"""Bytes that are read ahead at most."""

PUBLISH, PUBACK = 0x30, 0x40
"""First bytes of packets, without their flags."""


class Publish(NamedTuple):
    """A message as it stands in its packet."""

    mid: int
    qos: int
    dup: bool
    topic: bytes
    payload: bytes


class QuickClient(paho.Client):
    """A client whose `read_ahead` and `next_publish` are called before `loop_read`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._has_properties = self.protocol == MQTTProtocolVersion.MQTTv5
        self._ahead = b""
        self._at = 0

    @property
    def unread(self) -> int:
        """Bytes that were read ahead and not taken yet."""
        return len(self._ahead) - self._at

    def read_ahead(self) -> bool:
        """Read what has come, where nothing is unread. False where there is nothing, or the connection has ended."""
        if self.unread:
            return True
        try:
            self._ahead, self._at = super()._sock_recv(AHEAD), 0
        except OSError:  # paho comes upon it too, and says so
            return False
        return bool(self._ahead)

    def next_publish(self) -> Publish | None:
        """Take the next message, where it is a plain one and there as a whole."""
        data, at = self._ahead, self._at
        if at + 4 > len(data) or data[at] & 0xF0 != PUBLISH or self._in_packet["command"]:
            return None
        flags, length, at = data[at], data[at + 1], at + 2
        if length & 0x80:
            length, at = length & 0x7F | data[at] << 7, at + 1
        end, qos = at + length, flags >> 1 & 3
        if length > 0x3FFF or end > len(data) or qos > 1 or length < 6:
            return None
        named = at + 2 + (data[at] << 8 | data[at + 1])
        said = named + (2 if qos else 0)
        if named == at + 2 or said + self._has_properties > end:
            return None
        if self._has_properties:
            if data[said] & 0x80:
                return None
            said += 1 + data[said]
            if said > end:
                return None
        self._at = end
        mid = data[named] << 8 | data[named + 1] if qos else 0
        return Publish(mid, qos, bool(flags & 8), data[at + 2 : named], data[said:end])

    def ack_all(self, mids: list[int]) -> None:
        """Acknowledge messages of QoS 1, in this order, with the next write."""
        if mids:
            self._packet_queue(PUBACK, b"".join([pack("!BBH", PUBACK, 2, mid) for mid in mids]), 0, 1)

    def _sock_recv(self, bufsize: int) -> bytes:
        """What paho reads by: what was read ahead comes first."""
        if not self.unread:
            return super()._sock_recv(bufsize)
        taken = self._ahead[self._at : self._at + bufsize]
        self._at += len(taken)
        return taken
