"""P1 and P2 end to end: whatever is killed, every acknowledged reading is in the sink, and there once."""

from __future__ import annotations

import json
import random
import sqlite3
import sys
import threading
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import pytest

from qctl.broker import keys
from support.device import Device
from support.process import Program
from support.servers import Mosquitto, RedisServer, VictoriaMetrics
from support.waiting import eventually

BIN = Path(sys.executable).parent


class Pipeline:
    """Bridge, two workers and the scheduler on a Redis and a broker of their own, any of which can be killed."""

    def __init__(self, folder: Path, redis: RedisServer, broker: Mosquitto, **more: str) -> None:
        self.home = folder / "home"
        self.home.mkdir()
        env = {
            "QCTL_HOME": str(self.home),
            "REDIS_URL": redis.url,
            "MQTT_BROKER": broker.url,
            "BATCH_SIZE_THRESHOLD": "100",
            "LOG_FORMAT": "text",
            **more,
        }
        self.redis = redis
        self.bridge = Program("bridge", [str(BIN / "qctl-mqtt-bridge")], folder, env=env, says="subscribed")
        self.workers = [
            Program(f"worker{n}", [str(BIN / "qctl-worker"), "sensor-data"], folder, env=env, says="takes jobs from")
            for n in (1, 2)
        ]
        self.scheduler = Program("scheduler", [str(BIN / "qctl-scheduler")], folder, env=env, says="watches")

    @property
    def programs(self) -> list[Program]:
        """All that can be killed."""
        return [self.bridge, *self.workers, self.scheduler, self.redis]

    def stored(self) -> Counter[int]:
        """How often each number is in the sink."""
        file = self.home / "qctl.db"
        if not file.exists():
            return Counter()
        with sqlite3.connect(file, timeout=30) as database:
            try:
                rows = database.execute("SELECT fields FROM readings").fetchall()
            except sqlite3.OperationalError:
                return Counter()
        return Counter(json.loads(fields)["n"] for (fields,) in rows)

    def state(self) -> str:
        """Where things are, for whoever reads a failure."""
        with self.redis.connect() as client:
            lists = {key: client.llen(key) for key in (keys.buffer("readings"), keys.queue("sensor-data"))}
            hashes = {key: client.hgetall(key) for key in (keys.PAUSED, keys.claims("sensor-data"))}
            dead = client.zrange(keys.failed("sensor-data"), 0, -1), client.hgetall(keys.quarantine("sensor-data"))
            notes = client.hgetall(keys.ingest("readings"))
        tails = "\n".join(f"--- {p.name}\n{p.output[-1500:]}" for p in self.programs)
        return f"stored {len(self.stored())}, {lists}, {hashes}, dead {dead}, {notes}\n{tails}"

    def dead(self) -> int:
        """How many dead letters there are: none should be."""
        client = self.redis.connect()
        found: int = client.zcard(keys.failed("sensor-data")) + client.hlen(keys.quarantine("sensor-data"))
        client.close()
        return found


@pytest.mark.kill
@pytest.mark.parametrize("victims", ["bridge", "worker", "redis", "any"])
def test_every_acknowledged_reading_is_in_the_sink_once(
    tmp_path: Path, own_redis: RedisServer, own_mosquitto: Mosquitto, victims: str, long_run: bool
) -> None:
    total, kills = (20_000, 12) if long_run else (3_000, 3)
    pipeline = Pipeline(tmp_path, own_redis, own_mosquitto)
    targets = [p for p in pipeline.programs if victims == "any" or p.name.startswith(victims)]
    done = threading.Event()

    with ExitStack() as running:
        for program in pipeline.programs[:-1]:
            running.enter_context(program)
        device = running.enter_context(Device(own_mosquitto.port))
        numbers: dict[int, int] = {}
        acknowledged: set[int] = set()

        def publish() -> None:
            for n in range(total):
                numbers[n] = device.publish(f"sensors/device{n % 7}", json.dumps({"n": n}))
                if n % 20 == 0:
                    time.sleep(0.02)
            eventually(lambda: len(device.acknowledged) >= min(total, 65_535), 120, "the broker's acknowledgements")
            acknowledged.update(numbers)
            done.set()

        thread = threading.Thread(target=publish)
        thread.start()
        for _ in range(kills):
            time.sleep(random.uniform(0.2, 1.2))
            victim = random.choice(targets)
            victim.kill()
            time.sleep(random.uniform(0.0, 0.5))
            victim.start()
        thread.join()
        assert done.is_set()
        try:
            eventually(lambda: len(pipeline.stored()) >= total, 60, "all readings in the sink")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{pipeline.state()}") from None
        time.sleep(1.0)
        stored = pipeline.stored()
        assert pipeline.dead() == 0
    assert set(stored) == acknowledged
    assert [n for n, times in stored.items() if times > 1] == []


def test_with_influxdb_named_a_reading_goes_there(
    tmp_path: Path, own_redis: RedisServer, own_mosquitto: Mosquitto, victoria: VictoriaMetrics
) -> None:
    influx = {"INFLUX_URL": victoria.url, "INFLUX_TOKEN": "any", "ORG": "o", "BUCKET": "b"}
    pipeline = Pipeline(tmp_path, own_redis, own_mosquitto, **influx)
    with pipeline.bridge, pipeline.workers[0], Device(own_mosquitto.port) as device:
        device.say("sensors/whole-way/up", json.dumps({"temperature": 21.5, "humidity": 40}))
        found = eventually(lambda: victoria.series('{device="whole-way"}'), 20, "the reading in InfluxDB")
    assert {series["metric"]["__name__"] for series in found} == {"sensors_temperature", "sensors_humidity"}
    assert {series["metric"]["topic"] for series in found} == {"sensors/whole-way/up"}
    assert not pipeline.stored()
