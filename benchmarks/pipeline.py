"""Rate of readings from MQTT to the sink, and the cost of each stage.

    .venv/bin/python benchmarks/pipeline.py [--count 200000] [--runs 3] [--json FILE] [ARM ...]

Arms, which take turns: `sqlite` and `influxdb` are qctl with that sink, `node` is the first seed document's
architecture in Node (`node/readings.js`; its packages are installed on the first run). `bridge` is the bridge alone,
and `paho` a bare subscriber of paho's that acknowledges by hand and keeps nothing. All of it is on this machine,
publishers and servers too: mosquitto, Redis with a synced log, VictoriaMetrics. Four mosquitto_pub publish COUNT
readings with QoS 1 as fast as they are taken. It prints the rate from the first publish to the last reading in the
sink, and the microseconds of a processor that each process took for one reading, which other programs disturb less.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from stages import STALL_SECONDS, Result, Spent, parser, take_turns, wait_for_items

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from qctl.broker.redis import keys
from support.process import Program
from support.servers import Mosquitto, RedisServer, VictoriaMetrics
from support.waiting import eventually

PUBLISHERS = 4
PUBLISHING_SECONDS = 600.0
"""Time in which each must have published its share."""
BIN = Path(sys.executable).parent
NODE = Path(__file__).parent / "node"
START = 1_767_225_600_000
"""When the first reading was measured, in milliseconds since 1970; each device measures once a millisecond."""

BARE = """
import sys, paho.mqtt.client as paho
port, file = int(sys.argv[1]), open(sys.argv[2], "w")
client = paho.Client(paho.CallbackAPIVersion.VERSION2, "bare", protocol=paho.MQTTv5, manual_ack=True)
count = 0
def on_message(client, data, message):
    global count
    client.ack(message.mid, message.qos)
    count += 1
    if count % 1000 == 0:
        file.seek(0)
        file.write(str(count))
        file.flush()
client.on_message = on_message
client.on_connect = lambda *_: client.subscribe("sensors/#", 1)
client.on_subscribe = lambda *_: print("subscribed", flush=True)
client.connect("127.0.0.1", port)
client.loop_forever()
"""


@dataclass(frozen=True)
class Place:
    """The servers of one run, and its folder."""

    folder: Path
    redis: RedisServer
    broker: Mosquitto
    victoria: VictoriaMetrics

    def in_victoria(self) -> int:
        """Readings that are in VictoriaMetrics."""
        urllib.request.urlopen(self.victoria.url + "/internal/force_flush", timeout=STALL_SECONDS).close()  # noqa: S310 - our own server
        query = {"query": "sum(count_over_time(sensors_n[2y]))", "time": str(START // 1000 + 86_400)}
        url = f"{self.victoria.url}/api/v1/query?{urllib.parse.urlencode(query)}"
        with urllib.request.urlopen(url, timeout=STALL_SECONDS) as reply:  # noqa: S310
            found = json.load(reply)["data"]["result"]
        return int(found[0]["value"][1]) if found else 0

    def in_sqlite(self) -> int:
        """Readings that are in the file, whose table the first batch creates."""
        with closing(sqlite3.connect(self.folder / "qctl.db", timeout=30)) as database:
            if not database.execute("SELECT 1 FROM sqlite_master WHERE name = 'readings'").fetchone():
                return 0
            return int(database.execute("SELECT COUNT(*) FROM readings").fetchone()[0])

    def in_buffer(self) -> int:
        """Readings that the bridge has committed."""
        with self.redis.connect() as client:
            return int(client.hget(keys.ingest("readings"), "received") or 0)

    def counted(self) -> int:
        """Readings that the bare subscriber has acknowledged."""
        file = self.folder / "count"
        return int(file.read_text() or 0) if file.exists() else 0

    def idle(self) -> bool:
        """True if all lists in Redis are empty: buffers, queues, claimed jobs."""
        with self.redis.connect() as client:
            kinds = [(key, client.type(key)) for key in client.scan_iter(count=10_000)]
            lists = [key for key, kind in kinds if kind == b"list" and b"mqtt" not in key]
            waiting = sum(client.llen(key) for key in lists)
        return bool(waiting == 0)


@dataclass(frozen=True)
class Arm:
    """A way from broker to sink: the programs of one, and how many readings have arrived. Where it `ends` in a sink,
    that is asked only once nothing waits in Redis."""

    programs: Callable[[Place], list[Program]]
    arrived: Callable[[Place], int]
    ends: bool = True


def _qctl(place: Place, **sink: str) -> list[Program]:
    env = {"REDIS_URL": place.redis.url, "MQTT_BROKER": place.broker.url, "QCTL_HOME": str(place.folder), **sink}
    env |= {"LOG_FORMAT": "text"}
    worker = [str(BIN / "qctl-worker"), "sensor-data"]
    return [
        Program("bridge", [str(BIN / "qctl-mqtt-bridge")], place.folder, env=env, says="subscribed"),
        Program("worker", worker, place.folder, env=env, says="takes jobs from"),
    ]


def _influx(place: Place) -> list[Program]:
    return _qctl(place, INFLUX_URL=place.victoria.url, INFLUX_TOKEN="any", ORG="o", BUCKET="b")  # noqa: S106 - VictoriaMetrics asks for none


def _node(place: Place) -> list[Program]:
    where = {"broker": place.broker.url, "redis": str(place.redis.socket), "influx": place.victoria.url}
    command = ["node", str(NODE / "readings.js"), json.dumps(where)]
    return [Program("node", command, place.folder, says="subscribed")]


def _bridge(place: Place) -> list[Program]:
    return _qctl(place, QCTL_MAX_WAITING_BATCHES="1000000")[:1]


def _paho(place: Place) -> list[Program]:
    command = [sys.executable, "-c", BARE, str(place.broker.port), str(place.folder / "count")]
    return [Program("paho", command, place.folder, says="subscribed")]


ARMS = {
    "sqlite": Arm(_qctl, Place.in_sqlite),
    "influxdb": Arm(_influx, Place.in_victoria),
    "node": Arm(_node, Place.in_victoria),
    "bridge": Arm(_bridge, Place.in_buffer, ends=False),
    "paho": Arm(_paho, Place.counted, ends=False),
}


@contextmanager
def servers(*redis_options: str) -> Iterator[Place]:
    """New ones for each run."""
    folder = Path(tempfile.mkdtemp(prefix="qctl-benchmark-", dir=Path.cwd()))
    for name in ("redis", "mosquitto", "victoria"):
        (folder / name).mkdir()
    redis, victoria = RedisServer(folder / "redis", *redis_options), VictoriaMetrics(folder / "victoria")
    broker = Mosquitto(folder / "mosquitto", stand_in=False)
    try:
        with redis, broker, victoria:
            yield Place(folder, redis, broker, victoria)
    finally:
        shutil.rmtree(folder)


def run(name: str, count: int, *redis_options: str) -> Result:
    """Publish `count` readings and wait until all have arrived. Options are added to the command of Redis."""
    arm = ARMS[name]
    with servers(*redis_options) as place, ExitStack() as running:
        programs = arm.programs(place)
        for program in programs:
            running.enter_context(program)
        pids = {each.name: each.pid for each in (*programs, place.broker, place.redis, place.victoria)}
        spent, began = Spent(pids, "publishers"), time.monotonic()
        publish(place.broker.port, count)
        wait_for_items(lambda: arm.arrived(place), count)
        if arm.ends:
            eventually(place.idle, STALL_SECONDS, "the end of the last job", every=0.1)
        return Result(count / (time.monotonic() - began), spent.each(count))


def publish(port: int, count: int) -> None:
    """Publish readings from as many files as there are publishers, and wait for their ends."""
    publishers = []
    with tempfile.TemporaryDirectory() as folder:
        for number in range(PUBLISHERS):
            file = Path(folder) / str(number)
            file.write_text("".join(reading(n) for n in range(count // PUBLISHERS)))
            words = ["mosquitto_pub", "-p", str(port), "-q", "1", "-l", "-t", f"sensors/device{number}"]
            with file.open() as lines:
                publishers.append(subprocess.Popen(words, stdin=lines))
        for publisher in publishers:
            assert publisher.wait(PUBLISHING_SECONDS) == 0


def reading(n: int) -> str:
    """One measurement, in a line."""
    return f'{{"ts":{START + n},"n":{n},"temperature":{20 + n % 100 / 10},"humidity":40,"pressure":1013.2}}\n'


def install_node() -> None:
    """Install what `node/readings.js` needs, where it is not there."""
    if not (NODE / "node_modules").is_dir():
        words = ["npm", "install", "--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts"]
        subprocess.run([*words, "--prefix", str(NODE)], check=True)


def main() -> None:
    options = parser(__doc__, list(ARMS), 200_000).parse_args()
    if "node" in (options.arms or ARMS):
        install_node()
    take_turns(options, list(ARMS), run, "readings")


if __name__ == "__main__":
    main()
