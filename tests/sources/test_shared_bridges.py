"""Several bridges of one host: they share the messages, and fewer of them lose none."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from redis import Redis

from qctl.broker.ingest.mqtt_session import known_sessions
from qctl.broker.query.pipeline_status import by_topic
from qctl.models.pools import ONLY, Place
from qctl.settings import Settings
from qctl.sources import shared_bridges
from qctl.sources.mqtt_bridge import MqttBridge
from support.device import Device
from support.ingest import items
from support.servers import Mosquitto, RedisServer
from support.waiting import PATIENCE_SECONDS, eventually

MakeSettings = Callable[..., Settings]


@contextmanager
def running(settings: Settings, count: int) -> Iterator[list[MqttBridge]]:
    """So many bridges, all subscribed, and what ends surplus sessions."""
    stop = threading.Event()
    ready = [threading.Event() for _ in range(count)]

    def start(number: int) -> tuple[MqttBridge, threading.Thread]:
        def beat(status: str = "", *, ready_: threading.Event = ready[number - 1], **_: bool) -> None:
            if status.startswith("connected"):
                ready_.set()

        bridge = MqttBridge(shared_bridges.settings_of(settings, Place(number, count)), stop, beat)
        thread = threading.Thread(target=bridge.run)
        thread.start()
        return bridge, thread

    with ExitStack() as stack:
        stack.callback(stop.set)
        started = [start(number) for number in range(1, count + 1)]
        for _, thread in started:
            stack.callback(thread.join, PATIENCE_SECONDS)
        surplus = shared_bridges.end_surplus_sessions(settings, Place(1, count), stop)
        stack.callback(surplus.join, PATIENCE_SECONDS)
        stack.callback(stop.set)
        assert all(event.wait(PATIENCE_SECONDS) for event in ready)
        yield [bridge for bridge, _ in started]


def numbers(connection: Redis) -> Counter[int]:
    """Copies of each numbered reading."""
    return Counter(item["fields"]["n"] for item in items(connection))


def say(device: Device, first: int, last: int) -> None:
    device.say("sensors/attic", *(json.dumps({"n": n, "ts": 1_770_000_000 + n}) for n in range(first, last)))


def test_bridges_share_messages_and_fewer_lose_none(
    connection: Redis, redis_server: RedisServer, own_mosquitto: Mosquitto, make_settings: MakeSettings
) -> None:
    settings = make_settings(REDIS_URL=redis_server.url, MQTT_BROKER=own_mosquitto.url)
    with Device(own_mosquitto.port) as device:
        with running(settings, 1):
            say(device, 0, 5)
            eventually(lambda: len(numbers(connection)) == 5, what="the messages of one bridge")
        with running(settings, 2) as bridges:
            say(device, 5, 105)
            eventually(lambda: len(numbers(connection)) == 105, what="the messages of two bridges")
            assert all(bridge._counts["received"] for bridge in bridges)
        say(device, 105, 205)  # the broker keeps them for both sessions
        with running(settings, 1):
            eventually(lambda: len(numbers(connection)) == 205, what="the messages of both sessions")
            eventually(lambda: not known_sessions(connection, ["qctl-mqtt-bridge-2"]), what="the second session's end")
            say(device, 205, 210)
            eventually(lambda: len(numbers(connection)) == 210, what="the messages after it")
    assert set(numbers(connection).values()) == {1}
    assert by_topic(connection, "readings")


def test_each_bridge_has_a_client_id_and_a_shared_topic(make_settings: MakeSettings) -> None:
    settings = make_settings()
    assert shared_bridges.settings_of(settings, ONLY) == settings
    first, second = (shared_bridges.settings_of(settings, Place(number, 2)) for number in (1, 2))
    assert (first.mqtt_client_id, second.mqtt_client_id) == ("qctl-mqtt-bridge", "qctl-mqtt-bridge-2")
    assert {first.mqtt_topic, second.mqtt_topic} == {"$share/qctl/sensors/#"}
    own = make_settings(MQTT_TOPIC="$share/mine/sensors/#")
    assert shared_bridges.settings_of(own, Place(2, 2)).mqtt_topic == "$share/mine/sensors/#"
