"""The plugin of amqtt if amqtt has changed: messages still pass, each once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager

import paho.mqtt.client as paho
import pytest
from amqtt.broker import Broker
from paho.mqtt.enums import CallbackAPIVersion

from qctl.compat import amqtt_plugin, private_names
from support.device import Device
from support.process import free_port
from support.waiting import eventually


async def serve(port: int, stop: asyncio.Event, started: asyncio.Event) -> None:
    """Run a broker with the plugin until `stop` is set."""
    broker = Broker(
        {
            "listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{port}"}},
            "plugins": {f"{amqtt_plugin.__name__}.KeepUnacknowledged": {}},
        }
    )
    await broker.start()
    started.set()
    await stop.wait()
    await broker.shutdown()


@contextmanager
def subscriber(port: int, messages: list[bytes]) -> Iterator[None]:
    """A client with a persistent session that adds what it gets to `messages` and acknowledges it."""
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id="me", protocol=paho.MQTTv311, clean_session=False)
    client.on_message = lambda _client, _data, message: messages.append(message.payload)
    client.connect("127.0.0.1", port)
    client.loop_start()
    try:
        eventually(client.is_connected, what="the connection")
        client.subscribe("#", qos=1)
        yield
    finally:
        client.disconnect()
        client.loop_stop()


def test_messages_pass_once_without_private_names(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(amqtt_plugin, "CHANGED", "amqtt changed Session.inflight_out")
    monkeypatch.setattr(private_names, "_warned", set())
    port, messages = free_port(), []

    def exchange() -> None:
        with subscriber(port, messages), Device(port, paho.MQTTv311) as device:
            device.say("a", *(json.dumps(n) for n in range(20)))
            eventually(lambda: len(messages) >= 20, what="all messages")

    async def run() -> None:
        stop, started = asyncio.Event(), asyncio.Event()
        serving = asyncio.create_task(serve(port, stop, started))
        await started.wait()
        await asyncio.to_thread(exchange)
        stop.set()
        await serving

    asyncio.run(asyncio.wait_for(run(), 60))
    assert sorted(int(message) for message in messages) == list(range(20))
    assert caplog.text.count("amqtt changed Session.inflight_out: messages are lost when the bridge reconnects") == 1
