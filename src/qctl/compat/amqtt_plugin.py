"""A plugin that lets amqtt replace mosquitto: it keeps unacknowledged messages of persistent sessions.

amqtt 0.12 drops the session of every client that it counts as anonymous, and drops a QoS 1 message when the connection
breaks or after 5 s, acknowledged or not. With this plugin no client is anonymous, and a message that was not
acknowledged is sent again, with its packet id and the DUP flag, when its client returns. Everything is in memory, so
messages are lost if amqtt is killed; that is why mosquitto is preferred.

If amqtt changes, the plugin only admits clients: messages of a broken connection are then lost.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from typing import Any

from amqtt.plugins.base import BaseAuthPlugin

from qctl.compat.private_names import PrivateNames, warn_once

try:
    from amqtt.mqtt.constants import QOS_1
    from amqtt.mqtt.puback import PubackPacket
except ImportError:  # then PRIVATE_NAMES reports a change
    QOS_1, PubackPacket = 1, object

PRIVATE_NAMES = PrivateNames(
    "amqtt",
    (
        "amqtt.mqtt.constants:QOS_1",
        "amqtt.mqtt.puback:PubackPacket.packet_id",
        "amqtt.session:Session.clean_session",
        "amqtt.session:Session.inflight_out",
        "amqtt.session:OutgoingApplicationMessage.puback_packet",
        "amqtt.session:OutgoingApplicationMessage.qos",
    ),
)

CHANGED = PRIVATE_NAMES.changed()


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


class KeepUnacknowledged(BaseAuthPlugin):  # type: ignore[misc] # amqtt is not typed for others
    """Admits all clients of this machine, and keeps unacknowledged messages until their client returns."""

    def __init__(self, context: Any) -> None:
        super().__init__(context)
        if CHANGED is not None:
            warn_once(CHANGED, "messages are lost when the bridge reconnects; install mosquitto")
        for handler in logging.getLogger().handlers:
            handler.addFilter(_is_relevant)

    async def authenticate(self, *, session: Any) -> bool:
        """Admit every client: the broker listens on 127.0.0.1 only."""
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


def _is_relevant(record: logging.LogRecord) -> bool:
    """Filter out amqtt's errors, most with a traceback, about late acknowledgements (the messages are kept here) and
    about connections that end before CONNECT, such as a check whether the port answers."""
    expected = record.exc_info and isinstance(record.exc_info[1], (TimeoutError, OSError))
    return not expected and not any(words in record.getMessage() for words in ("waiting for PUBACK", "No data"))
