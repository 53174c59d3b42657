"""Faults by others on the same servers: administrators of Redis, crowds of clients, guessers, and releases of qctl."""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path

import psutil
from redis import Redis
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from faults.path import DataPath
from qctl.broker.bookkeeping import events
from qctl.broker.redis import keys
from support.gateway import PASSWORD, Gateway
from support.process import Program
from support.waiting import eventually

ROOT = Path(__file__).parents[2]

GIT = ["git", "-C", str(ROOT)]

EARLIER = "HEAD~50"
"""The version that takes over and hands back."""

STORMING_CLIENTS = 500

GUESSES_ALLOWED = 10
"""Failed logins of one account in five minutes, over all gateways."""


def empty_redis(path: DataPath, chance: random.Random, seconds: float) -> int:
    """FLUSHALL, some times. What was in Redis is lost: someone has to say so, and what comes later must arrive."""
    emptied, until = 0, time.monotonic() + seconds
    with path.redis.connect() as client:
        while time.monotonic() < until:
            time.sleep(chance.uniform(1.0, 5.0))
            client.flushall()
            emptied += 1
        try:
            eventually(lambda: _is_loss_recorded(client), what="the event `lost`", every=0.2)
        except AssertionError as error:
            path.objections.append(f"the loss was not recorded: {error}")
    return emptied


def _is_loss_recorded(client: Redis) -> bool:
    return any(event.event == "lost" for event in events.newest(client, 1000))


def flush_scripts(path: DataPath, _chance: random.Random, seconds: float) -> int:
    """SCRIPT FLUSH, again and again: every script is unknown at its next call."""
    flushed, until = 0, time.monotonic() + seconds
    with path.redis.connect() as client:
        while time.monotonic() < until:
            client.script_flush()
            flushed += 1
            time.sleep(0.02)
    return flushed


RIGHTS = ("@write", "@scripting", "evalsha", "multi", "rpush", "blmove", "get")


def change_acl(path: DataPath, chance: random.Random, seconds: float) -> int:
    """Take rights away from the daemons' user and give them back, one after the other."""
    until = time.monotonic() + seconds
    with path.redis.connect() as client:
        before = _count_denied(client)
        while time.monotonic() < until:
            right = chance.choice(RIGHTS)
            client.execute_command("ACL", "SETUSER", "default", f"-{right}")
            time.sleep(chance.uniform(0.2, 3.0))
            client.execute_command("ACL", "SETUSER", "default", "+@all")
            time.sleep(chance.uniform(0.2, 1.0))
        return _count_denied(client) - before


def _count_denied(client: Redis) -> int:
    return int(client.info("errorstats").get("errorstat_NOPERM", {}).get("count", 0))


def storm(path: DataPath, chance: random.Random, seconds: float) -> int:
    """500 clients connect to the batchers, break the connection and connect again. Returns the connections made."""
    return asyncio.run(_storm([batcher.port for batcher in path.batchers], chance, seconds))


async def _storm(ports: list[int], chance: random.Random, seconds: float) -> int:
    until, made = time.monotonic() + seconds, 0

    async def one(number: int) -> None:
        nonlocal made
        url = f"ws://127.0.0.1:{ports[number % len(ports)]}/socket.io/?EIO=4&transport=websocket"
        while time.monotonic() < until:
            with suppress(OSError, WebSocketException, TimeoutError):
                socket = await connect(url, open_timeout=5, compression=None)
                await socket.send("40")
                made += 1
                await asyncio.sleep(chance.uniform(0.0, 1.0))
                socket.transport.abort()
            await asyncio.sleep(chance.uniform(0.0, 0.5))

    await asyncio.gather(*(one(number) for number in range(STORMING_CLIENTS)))
    return made


def guess_at_gateways(path: DataPath, chance: random.Random, seconds: float) -> int:
    """Guess one password at two gateways, which are killed meanwhile. Returns the refusals of further guesses."""
    email, statuses = f"ada{time.time_ns()}@example.com", list[int]()
    with ExitStack() as open_gateways:
        gateways = [Gateway(path.folder, path.redis.url, name=f"gateway{n}") for n in (1, 2)]
        for gateway in gateways:
            open_gateways.enter_context(gateway)
        gateways[0].request("POST", "/user/create", {"email": email, "username": "ada", "password": PASSWORD})
        until = time.monotonic() + seconds

        def guess(gateway: Gateway) -> None:
            while time.monotonic() < until:
                with suppress(OSError):
                    answer = gateway.request("POST", "/login", {"email": email, "password": "wrong"})
                    statuses.append(answer.status)

        threads = [threading.Thread(target=guess, args=(gateway,)) for gateway in gateways]
        for thread in threads:
            thread.start()
        while time.monotonic() < until:
            time.sleep(chance.uniform(1.0, 3.0))
            victim = chance.choice(gateways)
            victim.kill()
            victim.start()
        for thread in threads:
            thread.join()
    if statuses.count(401) > GUESSES_ALLOWED:
        path.objections.append(f"{statuses.count(401)} guesses were answered, {GUESSES_ALLOWED} are allowed")
    return statuses.count(429)


def missing_history() -> str:
    """Name what `swap_versions` lacks here, if anything."""
    known = subprocess.run([*GIT, "cat-file", "-e", f"{EARLIER}^{{commit}}"], capture_output=True)
    return f"{EARLIER} is not in the history here" if known.returncode else ""


def swap_versions(path: DataPath, chance: random.Random, seconds: float) -> int:
    """Replace each daemon by that of 50 commits ago, and back, again and again."""
    earlier = path.folder / "earlier"
    if not earlier.exists():
        earlier.mkdir()
        archive = subprocess.run([*GIT, "archive", EARLIER, "src", "daemons"], check=True, capture_output=True)
        subprocess.run(["tar", "-x", "-C", str(earlier)], input=archive.stdout, check=True)
    swaps, until = 0, time.monotonic() + seconds
    changes: list[Callable[[Program], None]] = [lambda daemon: _use(daemon, earlier / "src"), _use_current]
    while time.monotonic() < until:
        for change in changes:
            for daemon in chance.sample(path.daemons, len(path.daemons)):
                daemon.stop()
                change(daemon)
                daemon.launch()
                swaps += 1
                time.sleep(chance.uniform(0.0, 1.0))
            time.sleep(chance.uniform(1.0, 3.0))
    return swaps


def _use(daemon: Program, source: Path) -> None:
    daemon.env["PYTHONPATH"] = str(source)


def _use_current(daemon: Program) -> None:
    daemon.env["PYTHONPATH"] = os.environ.get("PYTHONPATH", "")


GROWTH = {"MB": (1.25, 15), "handles": (1.0, 20), "keys": (1.0, 150)}
"""Factor and number by which each may grow from the first to the last fifth of a soak. Keys: counts of each minute."""


def soak(path: DataPath, _chance: random.Random, seconds: float) -> int:
    """Change nothing, for long, and watch what the daemons and Redis take. Returns how often it was looked at."""
    samples: list[dict[tuple[str, str], float]] = []
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        samples.append(_usage(path))
        time.sleep(min(5.0, seconds / 10))
    fifth = max(1, len(samples) // 5)
    for (name, unit), last in samples[-1].items():
        first = max(sample[name, unit] for sample in samples[fifth : 2 * fifth])
        factor, more = GROWTH[unit]
        if last > factor * first + more:
            path.objections.append(f"{name} grew from {first:.0f} to {last:.0f} {unit}")
        path.notes.append(f"{name} {first:.0f} -> {last:.0f} {unit}")
    return len(samples)


def _usage(path: DataPath) -> dict[tuple[str, str], float]:
    usage: dict[tuple[str, str], float] = {}
    for daemon in path.daemons:
        process = psutil.Process(daemon.pid)
        usage[daemon.name, "MB"] = process.memory_info().rss / 1e6
        usage[daemon.name, "handles"] = process.num_fds()
    with path.redis.connect() as client:
        usage["redis", "keys"] = sum(1 for _ in client.scan_iter(f"{keys.QCTL}*", count=1000))
    return usage
