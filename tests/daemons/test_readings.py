"""The whole way of a reading, to a database server."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from support.device import Device
from support.process import Program
from support.servers import Mosquitto, RedisServer, VictoriaMetrics
from support.waiting import eventually

BIN = Path(sys.executable).parent


def test_with_influxdb_named_a_reading_goes_there(
    tmp_path: Path, own_redis: RedisServer, own_mosquitto: Mosquitto, victoria: VictoriaMetrics
) -> None:
    env = {"QCTL_HOME": str(tmp_path), "REDIS_URL": own_redis.url, "MQTT_BROKER": own_mosquitto.url}
    env |= {"INFLUX_URL": victoria.url, "INFLUX_TOKEN": "any", "ORG": "o", "BUCKET": "b", "LOG_FORMAT": "text"}
    bridge = Program("bridge", [str(BIN / "qctl-mqtt-bridge")], tmp_path, env=env, says="subscribed")
    worker = Program("worker", [str(BIN / "qctl-worker"), "sensor-data"], tmp_path, env=env, says="takes jobs from")
    with bridge, worker, Device(own_mosquitto.port) as device:
        device.say("sensors/whole-way/up", json.dumps({"temperature": 21.5, "humidity": 40}))
        found = eventually(lambda: victoria.series('{device="whole-way"}'), what="the reading in InfluxDB")
    assert {series["metric"]["__name__"] for series in found} == {"sensors_temperature", "sensors_humidity"}
    assert {series["metric"]["topic"] for series in found} == {"sensors/whole-way/up"}
    assert not (tmp_path / "qctl.db").exists()
