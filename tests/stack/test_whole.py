"""`qctl up` as users get it: a reading travels from a device to the database, and arrives over a death of Redis."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from qctl.catalog import DAEMONS
from support.batcher import Sender, message
from support.process import accepts
from support.up import MakeUp, gone
from support.waiting import PATIENCE_SECONDS, eventually


def publish(port: int, *temperatures: float) -> None:
    """Publish readings, and return when the broker has them."""
    device = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="device")
    device.connect("127.0.0.1", port)
    device.loop_start()
    sent = [device.publish("sensors/lab", json.dumps({"t": t}), qos=1) for t in temperatures]
    for info in sent:
        info.wait_for_publish(PATIENCE_SECONDS)
        assert info.is_published()
    device.disconnect()
    device.loop_stop()


def arrived(home: Path) -> list[float]:
    """Rows of the database, in order of arrival."""
    if not (home / "qctl.db").exists():
        return []
    database = sqlite3.connect(home / "qctl.db")
    try:
        return [json.loads(row[0])["t"] for row in database.execute("SELECT fields FROM readings ORDER BY ts_ns")]
    except sqlite3.OperationalError:  # the table is not there yet
        return []
    finally:
        database.close()


def messages(home: Path) -> list[str]:
    """The messages in the database, in the order of their ids."""
    database = sqlite3.connect(home / "qctl.db")
    try:
        return [row[0] for row in database.execute("SELECT message FROM messages ORDER BY msg_id")]
    except sqlite3.OperationalError:  # the table is not there yet
        return []
    finally:
        database.close()


def test_a_message_of_a_socket_io_client_arrives(make_up: MakeUp) -> None:
    up = make_up(None, BATCH_CHECK_INTERVAL="0.2")
    up.start()
    up.wait_for(f"http://127.0.0.1:{up.socket_port}")
    eventually(lambda: accepts(up.socket_port), what="the batcher's listener")
    with Sender(f"http://127.0.0.1:{up.socket_port}") as sender:
        sender.send_until_acked([message("m-1"), message("m-2", message="🐘")])
    eventually(lambda: messages(up.home) == ["hello m-1", "🐘"], what="the messages")
    family = up.family()
    assert up.stop() == 0
    assert gone(family)


def test_without_a_queue_all_arrives_and_no_redis_is_there(make_up: MakeUp) -> None:
    up = make_up(None, CACHE_ENABLED="false")
    up.start()
    assert not up.pids("redis")
    assert not up.pids("worker-sensor-data")
    publish(up.port, 1.0, 2.0)
    eventually(lambda: accepts(up.socket_port), what="the batcher's listener")
    with Sender(f"http://127.0.0.1:{up.socket_port}") as sender:
        sender.send_until_acked([message("m-1")])
        assert not sender.ask({**message("m-2"), "user_id": 7})["ok"]
    eventually(lambda: arrived(up.home) == [1.0, 2.0], what="the readings")
    assert messages(up.home) == ["hello m-1"]
    eventually(lambda: "must be strings" in (up.home / "rejects-messages.jsonl").read_text(), what="the reject")
    assert up.stop() == 0


def test_without_socket_io_the_rest_is_up(make_up: MakeUp) -> None:
    up = make_up(None, QCTL_SOCKET_ENABLED="false")
    up.start()
    assert not up.pids("socket-batcher")
    assert up.pids("mqtt-bridge")


@pytest.mark.kill
def test_a_reading_arrives_and_so_do_those_sent_while_redis_is_dead(make_up: MakeUp) -> None:
    up = make_up(None)
    up.start()
    assert all(up.pids(name) for name in DAEMONS)

    publish(up.port, 1.0)
    eventually(lambda: arrived(up.home) == [1.0], what="the first reading")

    os.kill(up.pids("redis")[0], signal.SIGKILL)
    publish(up.port, 2.0, 3.0)
    eventually(lambda: arrived(up.home) == [1.0, 2.0, 3.0], what="readings sent meanwhile")

    family = up.family()
    assert up.stop() == 0
    assert gone(family)
    assert "Traceback" not in up.output
