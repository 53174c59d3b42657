"""Sustained rate of the MQTT bridge, between a real mosquitto and a real Redis on this machine.

    .venv/bin/python benchmarks/mqtt_bridge.py [RATE [SECONDS]]      from the folder of the checkout

Four mosquitto_pub processes publish RATE readings a second together, with QoS 1. Printed is how far the bridge was
behind while they did, and the share of a core that each process took.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
from stages import STALL_SECONDS, wait_for_items

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from qctl.broker.redis import keys
from support.process import Program
from support.servers import Mosquitto, RedisServer

PUBLISHERS = 4
READING = '{"temperature":21.5,"humidity":40,"pressure":1013.2,"n":%d}\n'


def main() -> None:
    """Measure once."""
    rate, seconds = (int(word) for word in [*sys.argv[1:], "12000", "10"][:2] if word)
    folder = Path(tempfile.mkdtemp(prefix="qctl-benchmark-"))
    for name in ("redis", "mosquitto"):
        (folder / name).mkdir()
    redis, broker = RedisServer(folder / "redis"), Mosquitto(folder / "mosquitto", stand_in=False)
    with redis, broker:
        env = {"REDIS_URL": redis.url, "MQTT_BROKER": broker.url, "QCTL_HOME": str(folder)}
        env |= {"QCTL_MAX_WAITING_BATCHES": "1000000"}
        program = str(Path(sys.executable).with_name("qctl-mqtt-bridge"))
        with Program("bridge", [program], folder, env=env, says="subscribed to") as bridge:
            measure(rate, rate * seconds, redis, broker, bridge)


def measure(rate: int, count: int, redis: RedisServer, broker: Mosquitto, bridge: Program) -> None:
    """Publish `count` readings and print what came of it."""
    client = redis.connect()
    processes = {program.name: psutil.Process(program.pid) for program in (bridge, redis, broker)}
    before = {name: sum(process.cpu_times()[:2]) for name, process in processes.items()}

    def committed() -> int:
        return int(client.hget(keys.ingest("readings"), "received") or 0)

    publishers = [publisher(broker.port, number) for number in range(PUBLISHERS)]
    began, sent, behind = time.monotonic(), 0, [0]
    while sent < count:
        due = min(count, int((time.monotonic() - began) * rate))
        for number, publishing_process in enumerate(publishers):
            assert publishing_process.stdin is not None
            publishing_process.stdin.write("".join(READING % n for n in range(sent + number, due, PUBLISHERS)).encode())
            publishing_process.stdin.flush()
        sent = due
        behind.append(sent - committed())
        time.sleep(0.01)
    publishing = time.monotonic() - began
    for publishing_process in publishers:
        publishing_process.communicate(timeout=STALL_SECONDS)
    wait_for_items(committed, count, every=0.005)
    took = time.monotonic() - began
    print(f"published {count / publishing:,.0f} a second, committed {count / took:,.0f} a second")
    print(f"behind, in messages: at most {max(behind):,}, at the end {behind[-1]:,}")
    for name, process in processes.items():
        print(f"{name}: {(sum(process.cpu_times()[:2]) - before[name]) / took:.2f} of a core")
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


def publisher(port: int, number: int) -> subprocess.Popen[bytes]:
    """A mosquitto_pub that publishes each line it is given."""
    words = ["mosquitto_pub", "-p", str(port), "-q", "1", "-l", "-t", f"sensors/device{number}"]
    return subprocess.Popen(words, stdin=subprocess.PIPE)


if __name__ == "__main__":
    main()
