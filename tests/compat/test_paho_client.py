"""The fast path reads what paho would have read, at whatever position the stream is cut."""

from __future__ import annotations

import random
import socket
import struct
import threading

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from qctl.compat.paho_client import FastClient, Publish
from support.waiting import eventually

VERSIONS = [MQTTProtocolVersion.MQTTv5, MQTTProtocolVersion.MQTTv311]
PINGRESP = b"\xd0\x00"


def length(number: int) -> bytes:
    """A number as MQTT writes lengths."""
    found = b""
    while True:
        number, low = divmod(number, 128)
        found += bytes([low | (0x80 if number else 0)])
        if not number:
            return found


def publish(message: Publish, version: MQTTProtocolVersion, properties: bytes) -> bytes:
    body = struct.pack("!H", len(message.topic)) + message.topic
    body += struct.pack("!H", message.mid) if message.qos else b""
    body += length(len(properties)) + properties if version == MQTTProtocolVersion.MQTTv5 else b""
    flags = 0x30 | message.qos << 1 | message.dup << 3 | message.retain
    return bytes([flags]) + length(len(body) + len(message.payload)) + body + message.payload


def messages(chance: random.Random, count: int) -> list[Publish]:
    """Messages of all sizes around the borders: of one byte of length, of two, of three."""
    found = []
    for n in range(count):
        qos = chance.choice([0, 1, 1, 1])
        size = chance.choice([0, 1, 5, 100, 119, 120, 121, 122, 127, 128, 300, 16_370, 16_380, 20_000])
        topic = chance.choice([b"t", b"sensors/a", b"sensors/\xff", "sensors/ä".encode()])
        dup, retain = chance.random() < 0.2 and qos > 0, chance.random() < 0.2
        found.append(Publish(n % 65_535 + 1 if qos else 0, qos, dup, retain, topic, b"x" * size))
    return found


class Broker:
    """Takes one connection, says CONNACK, then `stream` in pieces of random size, and keeps what it is received."""

    def __init__(self, stream: bytes, version: MQTTProtocolVersion, chance: random.Random) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.received = b""
        connack = b"\x20\x03\x00\x00\x00" if version == MQTTProtocolVersion.MQTTv5 else b"\x20\x02\x00\x00"
        threading.Thread(target=self._serve, args=(connack + stream, chance), daemon=True).start()

    def _serve(self, stream: bytes, chance: random.Random) -> None:
        with self._listener, self._listener.accept()[0] as client:
            client.recv(1000)
            while stream:
                size = chance.choice([1, 2, 3, 50, 1000, 70_000])
                client.sendall(stream[:size])
                stream = stream[size:]
            while received := client.recv(1000):
                self.received += received


def by_paho(message: paho.MQTTMessage) -> Publish:
    return Publish(message.mid, message.qos, message.dup, message.retain, message._topic, bytes(message.payload))


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("seed", range(3))
def test_every_message_is_read_as_it_was_sent(version: MQTTProtocolVersion, seed: int) -> None:
    chance = random.Random(seed)
    sent, stream = messages(chance, 400), b""
    for message in sent:
        stream += publish(message, version, chance.choice([b"", b"\x01\x01", b"\x26\x00\x01a\x00\xc8" + b"b" * 200]))
        stream += PINGRESP if chance.random() < 0.05 else b""
    broker = Broker(stream, version, chance)
    client = FastClient(CallbackAPIVersion.VERSION2, client_id="me", protocol=version, manual_ack=True)
    read: list[Publish] = []
    slowly: list[int] = []

    def on_message(_client: object, _data: object, message: paho.MQTTMessage) -> None:
        slowly.append(message.mid)
        read.append(by_paho(message))

    client.on_message = on_message
    client.on_socket_register_write = lambda *_: None
    client.connect("127.0.0.1", broker.port)

    def all_read() -> bool:
        client.loop_write()
        if client.read_ahead() and (found := client.next_publish()):
            read.append(found)
        else:
            client.loop_read()
        return len(read) >= len(sent)

    eventually(all_read, what="all messages", every=0)
    assert read == sent
    assert 0 < len(slowly) < len(sent), "neither way was gone"
    mids = [message.mid for message in sent if message.qos]
    client.ack_all(mids)
    acks = b"".join(struct.pack("!BBH", 0x40, 2, mid) for mid in mids)
    eventually(lambda: client.loop_write() is not None and broker.received.endswith(acks), what="the acknowledgements")


@pytest.mark.parametrize(
    "nonsense",
    [
        b"\x30\x06\x00\xffabcd",  # the topic is longer than the packet
        b"\x32\x06\x00\x04abcd",  # no room for the packet id
        b"\x32\x07\x00\x03abc\x00\x01",  # none for the properties
        b"\x30\x08\x00\x03abc\xff\xff\xff",  # properties that never end
        b"\x30\x08\x00\x03abc\x50xx",  # properties longer than the packet
        b"\x36\x08\x00\x03abc\x00\x01\x00",  # QoS 3
        b"\x30\x06\x00\x00\x00abc",  # no topic
    ],
)
def test_what_is_no_plain_message_is_left_to_paho(nonsense: bytes) -> None:
    client = FastClient(CallbackAPIVersion.VERSION2, client_id="me", protocol=MQTTProtocolVersion.MQTTv5)
    client._ahead = nonsense
    assert client.next_publish() is None
    assert client.unread == len(nonsense)
