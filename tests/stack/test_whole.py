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
from support.up import MakeUp, gone
from support.waiting import eventually


def publish(port: int, *temperatures: float) -> None:
    """Publish readings, and return when the broker has them."""
    device = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="device")
    device.connect("127.0.0.1", port)
    device.loop_start()
    sent = [device.publish("sensors/lab", json.dumps({"t": t}), qos=1) for t in temperatures]
    for info in sent:
        info.wait_for_publish(10)
        assert info.is_published()
    device.disconnect()
    device.loop_stop()


def arrived(home: Path) -> list[float]:
    """What is in the database, in the order it was taken in."""
    if not (home / "qctl.db").exists():
        return []
    database = sqlite3.connect(home / "qctl.db")
    try:
        return [json.loads(row[0])["t"] for row in database.execute("SELECT fields FROM readings ORDER BY ts_ns")]
    except sqlite3.OperationalError:  # the table is not there yet
        return []
    finally:
        database.close()


@pytest.mark.kill
def test_a_reading_arrives_and_so_do_those_sent_while_redis_is_dead(make_up: MakeUp) -> None:
    up = make_up(None)
    up.start()
    assert all(up.pids(name) for name in DAEMONS)
    assert "not ready yet" not in up.output

    publish(up.port, 1.0)
    eventually(lambda: arrived(up.home) == [1.0], what="the first reading")

    os.kill(up.pids("redis")[0], signal.SIGKILL)
    publish(up.port, 2.0, 3.0)
    eventually(lambda: arrived(up.home) == [1.0, 2.0, 3.0], 40, what="readings sent meanwhile")

    family = up.family()
    assert up.stop() == 0
    assert gone(family)
    assert "Traceback" not in up.output
