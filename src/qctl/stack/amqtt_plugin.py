"""What amqtt lacks to stand in for mosquitto, as a plugin of it.

amqtt 0.12 forgets the session of whoever it counts as anonymous, and a QoS 1 message that it has sent is gone when
the connection breaks, or after 5 s, acknowledged or not. Here nobody is anonymous, and what was not acknowledged is
sent again, with its packet id and the DUP flag, when its client is back. All in memory: what a dying amqtt held is
lost, which is why mosquitto is taken where there is one.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from typing import Any

from amqtt.mqtt.constants import QOS_1
from amqtt.mqtt.puback import PubackPacket
from amqtt.plugins.base import BaseAuthPlugin
from amqtt.session import OutgoingApplicationMessage, Session


class Unacknowledged(OrderedDict[int, OutgoingApplicationMessage]):
    """The messages in flight to a client, by packet id. amqtt sends again what it finds here when the client returns,
    and takes each out when it stops waiting for the acknowledgement, whether that came or not."""

    def pop(self, packet_id: int, default: Any = None) -> Any:
        """Take a message out; one that still waits for its acknowledgement stays."""
        message = self.get(packet_id)
        if message is not None and message.qos == QOS_1 and message.puback_packet is None:
            return message
        return super().pop(packet_id, default)

    def acknowledge(self, packet_id: int) -> None:
        """The client has it."""
        super().pop(packet_id, None)


class KeepUnacknowledged(BaseAuthPlugin):  # type: ignore[misc] # amqtt is not typed for others
    """Lets everybody on this machine in, and keeps unacknowledged messages for who comes back."""

    def __init__(self, context: Any) -> None:
        super().__init__(context)
        for handler in logging.getLogger().handlers:
            handler.addFilter(_is_news)

    async def authenticate(self, *, session: Session) -> bool:
        """Yes: the broker listens on 127.0.0.1 alone."""
        if not session.clean_session and not isinstance(session.inflight_out, Unacknowledged):
            session.inflight_out = Unacknowledged(session.inflight_out)
        return True

    async def on_mqtt_packet_received(self, *, packet: Any, session: Session | None = None) -> None:
        """Forget a message whose acknowledgement came, however late."""
        if session and isinstance(packet, PubackPacket) and isinstance(session.inflight_out, Unacknowledged):
            session.inflight_out.acknowledge(packet.packet_id)


def _is_news(record: logging.LogRecord) -> bool:
    """Not amqtt's complaints, most with a traceback, about acknowledgements that come late (the messages are kept here)
    and about connections that end before they said anything, such as a look whether the port answers."""
    trivial = record.exc_info and isinstance(record.exc_info[1], (TimeoutError, OSError))
    return not trivial and not any(words in record.getMessage() for words in ("waiting for PUBACK", "No data"))
