"""Devices that publish to the MQTT broker: three that measure, and one that is broken."""

from __future__ import annotations

import json
import math
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from demo.rounds import Round

ROOMS = ("cellar", "greenhouse", "roof")

NONSENSE = (b"{temperature: 21", b"\xff\xfe\x00", b"{'temperature': 21}", b'{"temperature": 2', b"<html>")


class Devices:
    """All devices, on one connection that comes back by itself."""

    def __init__(self, client: paho.Client) -> None:
        self._client = client
        self._faults = 0

    def rounds(self) -> list[Round]:
        """Their rounds: some three readings a second, and a fault now and then."""
        return [Round(1.0, self.measure), Round(4.0, self.report_power), Round(12.0, self.fail)]

    def measure(self) -> None:
        """A reading of each room."""
        for number, room in enumerate(ROOMS):
            temperature = 15 + 5 * number + 4 * math.sin(time.time() / 60 + number) + random.gauss(0, 0.2)
            reading = {"temperature": round(temperature, 2), "humidity": round(random.gauss(45, 2), 1)}
            self._client.publish(f"sensors/{room}", json.dumps(reading), qos=1)

    def report_power(self) -> None:
        """A bare number: its field is named by the topic's last level."""
        self._client.publish("sensors/roof/solar/watts", str(random.randint(0, 400)), qos=1)

    def fail(self) -> None:
        """Send something that is not a reading: the bridge makes a dead letter of it, with the reason."""
        self._client.publish("sensors/attic", NONSENSE[self._faults % len(NONSENSE)], qos=1)
        self._faults += 1


@contextmanager
def devices(port: int) -> Iterator[Devices]:
    """The devices, connected to the broker on this port as soon as it is there."""
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id="demo-devices")
    client.reconnect_delay_set(1, 5)
    client.max_queued_messages_set(1000)
    client.connect_async("127.0.0.1", port)
    client.loop_start()
    try:
        yield Devices(client)
    finally:
        client.disconnect()
        client.loop_stop()
