"""Gateways and bridges of one host: one process against as many as there are processors (QCTL_WORKERS).

    .venv/bin/python benchmarks/processes.py [--processes N] [--requests 3000] [--messages 20000] [--runs 3]

The two take turns. A request reads the jobs of a user; clients have 16 addresses of this machine, because the kernel
keeps each address with one gateway. Messages were published before the bridges start, which take them at full speed.
Clients, mosquitto and Redis use the same processors, so that the ratio is less than on a host of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from qctl import processors
from qctl.broker.redis import keys
from support.device import Device
from support.gateway import Gateway
from support.process import Program
from support.servers import Mosquitto, RedisServer
from support.waiting import eventually

ADDRESSES = [f"127.0.0.{number}" for number in range(1, 17)]


def gateway(folder: Path, processes: int, requests: int) -> float:
    """Requests a second of a gateway."""

    async def client(port: int, request: bytes, address: str, count: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(address, 0))
        for _ in range(count):
            writer.write(request)
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            assert head.startswith(b"http/1.1 200"), head
            length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
            await reader.readexactly(length)
        writer.close()

    async def ask(port: int, token: str, count: int) -> None:
        request = f"GET /job HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
        await asyncio.gather(*(client(port, request, address, count // len(ADDRESSES)) for address in ADDRESSES))

    with RedisServer(folder) as redis, Gateway(folder, redis.url, QCTL_WORKERS=str(processes)) as server:
        token = server.user("ada@example.com")
        asyncio.run(ask(server.port, token, 10 * len(ADDRESSES)))
        began = time.monotonic()
        asyncio.run(ask(server.port, token, requests))
        return requests / (time.monotonic() - began)


def bridge(folder: Path, processes: int, messages: int) -> float:
    """Messages a second of the bridges of a host."""
    for name in ("redis", "mosquitto"):
        (folder / name).mkdir()
    with RedisServer(folder / "redis") as redis, Mosquitto(folder / "mosquitto", stand_in=False) as broker:
        env = {"REDIS_URL": redis.url, "MQTT_BROKER": broker.url, "QCTL_HOME": str(folder), "LOG_FORMAT": "text"}
        env |= {"QCTL_MAX_WAITING_BATCHES": "1000000", "QCTL_WORKERS": str(processes)}
        command = [str(Path(sys.executable).with_name("qctl-mqtt-bridge"))]
        program = Program("bridge", command, folder, env=env, says="subscribed to")
        with program:
            eventually(lambda: program.output.count("subscribed to") == processes)
            program.stop()
        with Device(broker.port) as device:
            reading = '{"temperature":21.5,"humidity":40,"n":%d}'
            device.say("sensors/attic", *(reading % number for number in range(messages)))
        connection = redis.connect()
        program.launch()
        while (received := int(connection.hget(keys.ingest("readings"), "received") or 0)) == 0:
            time.sleep(0.005)
        began, first = time.monotonic(), received
        while received < messages:
            time.sleep(0.005)
            received = int(connection.hget(keys.ingest("readings"), "received") or 0)
        seconds = time.monotonic() - began
        program.stop()
        return (messages - first) / seconds


def main() -> None:
    """Measure both in turns, and print medians and ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--processes", type=int, default=processors.available())
    parser.add_argument("--requests", type=int, default=3000)
    parser.add_argument("--messages", type=int, default=20_000)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    for name, measure, count in (("gateway", gateway, options.requests), ("bridge", bridge, options.messages)):
        rates: dict[int, list[float]] = {1: [], options.processes: []}
        for _ in range(options.runs):
            for processes, found in rates.items():
                with tempfile.TemporaryDirectory(prefix="qctl-", ignore_cleanup_errors=True) as folder:
                    found.append(measure(Path(folder), processes, count))
        one, many = (median(found) for found in rates.values())
        print(f"{name}: 1 process {one:,.0f}/s, {options.processes} processes {many:,.0f}/s, ratio {many / one:.2f}")
    print(f"{processors.available()} processors, load {os.getloadavg()[0]:.1f}, medians of {options.runs} runs")


if __name__ == "__main__":
    main()
