"""Plugins that let amqtt replace mosquitto: they keep unacknowledged messages of persistent sessions, and limit access.

amqtt 0.12 drops the session of every client that it counts as anonymous, and drops a QoS 1 message when the connection
breaks or after 5 s, acknowledged or not. With this plugin no client is anonymous, and a message that was not
acknowledged is sent again, with its packet id and the DUP flag, when its client returns. Everything is in memory, so
messages are lost if amqtt is killed; that is why mosquitto is preferred.

Only the bridge may read, and use its client id: it has a password. Other clients may publish readings at most. Packets
are limited in size before they are read.

If amqtt changes, messages of a broken connection are lost, and packets are not limited.
"""

from __future__ import annotations

import hmac
import logging
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from amqtt.contexts import Action
from amqtt.plugins.base import BaseAuthPlugin, BaseTopicPlugin
from paho.mqtt.client import topic_matches_sub

from qctl.compat.private_names import PrivateNames, warn_once

try:
    from amqtt.mqtt.constants import QOS_1
    from amqtt.mqtt.packet import MQTTFixedHeader
    from amqtt.mqtt.puback import PubackPacket
except ImportError:  # then PRIVATE_NAMES reports a change
    QOS_1, PubackPacket, MQTTFixedHeader = 1, object, object

PRIVATE_NAMES = PrivateNames(
    "amqtt",
    (
        "amqtt.mqtt.constants:QOS_1",
        "amqtt.mqtt.packet:MQTTFixedHeader.from_stream",
        "amqtt.mqtt.packet:MQTTFixedHeader.remaining_length",
        "amqtt.mqtt.puback:PubackPacket.packet_id",
        "amqtt.session:Session.clean_session",
        "amqtt.session:Session.inflight_out",
        "amqtt.session:OutgoingApplicationMessage.puback_packet",
        "amqtt.session:OutgoingApplicationMessage.qos",
    ),
)

CHANGED = PRIVATE_NAMES.changed()


RESERVED_PACKET = 0
"""A type of packets that MQTT forbids."""

log = logging.getLogger(__name__)


class UnacknowledgedMessages(OrderedDict[int, Any]):
    """Messages in flight to one client, by packet id.

    amqtt sends these messages again when the client returns, and removes a message when it stops waiting for the
    acknowledgement, whether that came or not.
    """

    def pop(self, packet_id: int, default: Any = None) -> Any:
        """Remove a message, unless its acknowledgement has not come."""
        message = self.get(packet_id)
        if message is not None and message.qos == QOS_1 and message.puback_packet is None:
            return message
        return super().pop(packet_id, default)

    def acknowledge(self, packet_id: int) -> None:
        """Remove an acknowledged message."""
        super().pop(packet_id, None)


@dataclass
class Access:
    """Rights of clients; an empty `username` admits all to everything. `max_packet` is in bytes, 0 for no limit."""

    username: str = ""
    password: str = ""
    client_id: str = ""
    topic: str = "#"
    anonymous: bool = True
    max_packet: int = 0


class KeepUnacknowledged(BaseAuthPlugin):  # type: ignore[misc] # amqtt is not typed for others
    """Admits clients, and keeps unacknowledged messages until their client returns."""

    Config = Access

    def __init__(self, context: Any) -> None:
        super().__init__(context)
        self._access = _access(self.config)
        if CHANGED is None and self._access.max_packet:
            _limit_packets(self._access.max_packet)
        if CHANGED is not None:
            warn_once(CHANGED, "messages are lost when the bridge reconnects; install mosquitto")
        for handler in logging.getLogger().handlers:
            handler.addFilter(_is_relevant)

    async def authenticate(self, *, session: Any) -> bool:
        """Admit the bridge with its password, and others without one if they may come; never under the bridge's id."""
        access = self._access
        if access.username and not _is_bridge(session, access):
            named = session.username is not None or session.client_id == access.client_id
            if named or not access.anonymous:
                return False
        keeps_session = CHANGED is None and not session.clean_session
        if keeps_session and not isinstance(session.inflight_out, UnacknowledgedMessages):
            session.inflight_out = UnacknowledgedMessages(session.inflight_out)
        return True

    async def on_mqtt_packet_received(self, *, packet: Any, session: Any = None) -> None:
        """Remove a message when its acknowledgement comes, however late."""
        if CHANGED is not None or not session or not isinstance(packet, PubackPacket):
            return
        if isinstance(session.inflight_out, UnacknowledgedMessages):
            session.inflight_out.acknowledge(packet.packet_id)


class TopicAccess(BaseTopicPlugin):  # type: ignore[misc] # amqtt is not typed for others
    """Lets the bridge read and write readings, and other clients only write them."""

    Config = Access

    async def topic_filtering(self, *, session: Any = None, topic: str | None = None, action: Any = None) -> bool:
        """Allow or refuse one action of a client."""
        access = _access(self.config)
        if not access.username:
            return True
        if session is None or topic is None:
            return False
        if session.username != access.username:
            return action == Action.PUBLISH and topic_matches_sub(access.topic, topic)
        return topic == access.topic or topic.startswith("$share/") or topic_matches_sub(access.topic, topic)


def _access(config: Any) -> Access:
    """The options of a plugin, which amqtt gives as it read them or as an object."""
    if isinstance(config, Access):
        return config
    return Access(**config) if isinstance(config, Mapping) else Access()


def _is_bridge(session: Any, access: Access) -> bool:
    name, password = str(session.username or ""), str(session.password or "")
    return name == access.username and hmac.compare_digest(password.encode(), access.password.encode())


def _limit_packets(max_packet: int) -> None:
    """End connections that send a larger packet, before it is read: amqtt would hold up to 256 MB of it in memory.

    To amqtt it becomes a packet of a reserved type, which is forbidden.
    """
    read_header = MQTTFixedHeader.from_stream.__func__

    async def from_stream(cls: Any, reader: Any) -> Any:
        header = await read_header(cls, reader)
        if header is not None and header.remaining_length > max_packet:
            log.warning(
                "connection is not read any more: packet of %d bytes, more than %d", header.remaining_length, max_packet
            )
            return cls(RESERVED_PACKET, 0, 0)
        return header

    MQTTFixedHeader.from_stream = classmethod(from_stream)


def _is_relevant(record: logging.LogRecord) -> bool:
    """Filter out amqtt's errors, most with a traceback, about late acknowledgements (the messages are kept here) and
    about connections that end before CONNECT, such as a check whether the port answers."""
    expected = record.exc_info and isinstance(record.exc_info[1], (TimeoutError, OSError))
    return not expected and not any(words in record.getMessage() for words in ("waiting for PUBACK", "No data"))
