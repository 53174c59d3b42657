"""Faults by name. Each strikes for some seconds and returns how often it did; the trial repairs."""

from __future__ import annotations

import os
import random
import re
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from faults import outsiders, sites
from faults.fault import Fault, Site, Strike
from faults.path import DataPath
from qctl.broker.worker import claim_request
from support.process import Program
from support.proxy import Losing, Match, Proxy

ONCE = 0.3
"""Share of what could be lost that is."""


def _kill(kind: str = "") -> Strike:
    """SIGKILL one of ours every 0.5 to 3 s, each in turn in random order; it is started again as a supervisor does."""

    def strike(path: DataPath, chance: random.Random, seconds: float) -> int:
        kills, order = 0, list[Program]()
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if not order:
                order = [daemon for daemon in path.daemons if daemon.name.startswith(kind)]
                chance.shuffle(order)
            victim = order.pop()
            victim.kill()
            kills += 1
            time.sleep(chance.uniform(0.0, 0.3))
            victim.launch()
            time.sleep(chance.uniform(0.5, min(3.0, max(0.5, seconds / 8))))
        return kills

    return strike


def _kill_redis(path: DataPath, chance: random.Random, seconds: float) -> int:
    kills, until = 0, time.monotonic() + seconds
    while time.monotonic() < until:
        path.redis.kill()
        kills += 1
        time.sleep(chance.uniform(0.0, 0.5))
        path.redis.start()
        time.sleep(chance.uniform(0.2, 1.2))
    return kills


def _stop_redis(path: DataPath, _chance: random.Random, seconds: float) -> int:
    path.redis.freeze()
    time.sleep(seconds)
    path.redis.thaw()
    return 1


Place = Callable[[DataPath], list[Proxy]]
Lose = Callable[[random.Random], Losing]


def _lose(*wheres: tuple[Place, Lose]) -> Strike:
    """Lose some of what goes through these proxies, again and again."""

    def strike(path: DataPath, chance: random.Random, seconds: float) -> int:
        before = sum(proxy.lost for proxy in path.proxies)
        for which, lose in wheres:
            for proxy in which(path):
                proxy.losing = lose(chance)
        time.sleep(seconds)
        return sum(proxy.lost for proxy in path.proxies) - before

    return strike


def _is_commit(data: bytes) -> bool:
    return b"\r\nEXEC\r\n" in data


_CLAIM = re.compile(rb"\*[4-9]\r\n:[1-9]\r\n:")
"""Beginning of such a reply: an array of the kind of claim, the number of the queue, and more."""


def _is_claim(data: bytes) -> bool:
    """The answer of the claim script that brings a job."""
    return _CLAIM.match(data) is not None


_END = claim_request._finish_and_claim.sha.encode()


def _is_end(data: bytes) -> bool:
    """True for the request that writes the end of a job and claims the next."""
    return _END in data


def _is_written(data: bytes) -> bool:
    return _is_commit(data) or _is_end(data)


def _is_puback(data: bytes) -> bool:
    return data[0] == 0x40


def _some(match: Match) -> Callable[[random.Random], Match]:
    return lambda chance: lambda data: match(data) and chance.random() < ONCE


COMMITS = (lambda path: [path.to_redis], lambda chance: Losing(reply_to=_some(_is_commit)(chance)))
"""The answers to transactions: to RPUSH and all else that stands between MULTI and EXEC."""

CLAIMS = (lambda path: [path.to_redis], lambda chance: Losing(reply=_some(_is_claim)(chance)))

ENDS = (lambda path: [path.to_redis], lambda chance: Losing(reply_to=_some(_is_end)(chance)))

WRITTEN_AND_CLAIMS = (
    lambda path: [path.to_redis],
    lambda chance: Losing(reply_to=_some(_is_written)(chance), reply=_some(_is_claim)(chance)),
)

SILENCE = (
    lambda path: [path.to_redis],
    lambda chance: Losing(reply_to=_some(_is_written)(chance), reply=_some(_is_claim)(chance), silent=lambda _: True),
)
"""The same, and the connection stays: whoever waits has to notice by the clock."""

PUBACKS = (lambda path: [path.to_broker], lambda chance: Losing(request=_some(_is_puback)(chance)))
"""The bridges' acknowledgements, cut in the middle."""

DEVICE_PUBACKS = (lambda path: [path.for_devices], lambda chance: Losing(reply=_some(_is_puback)(chance)))
"""The broker's acknowledgements to devices."""

ANSWERS = (lambda path: path.for_clients, lambda chance: Losing(reply=_some(lambda data: b'"ok":true' in data)(chance)))
"""The batchers' answers to clients."""


def _slow(path: DataPath, _chance: random.Random, seconds: float) -> int:
    for proxy in path.proxies:
        proxy.latency = 0.5
    time.sleep(seconds)
    return 1


def _kill_mysql(path: DataPath, _chance: random.Random, seconds: float) -> int:
    path.mysql.kill()
    time.sleep(seconds)
    path.mysql.start()
    return 1


def _kill_at_commit(path: DataPath, chance: random.Random, seconds: float) -> int:
    """Kill the database within the milliseconds in which it commits; nobody is told what became of it."""
    kills, until = 0, time.monotonic() + seconds
    while time.monotonic() < until:
        committing = threading.Event()

        def at_commit(data: bytes, committing: threading.Event = committing) -> bool:
            if b"\x03COMMIT" not in data or committing.is_set():
                return False
            committing.set()
            threading.Timer(chance.uniform(0.0, 0.004), _kill_now, (path.mysql.pid,)).start()
            return True

        path.to_mysql.losing = Losing(reply_to=at_commit)
        if committing.wait(max(1.0, until - time.monotonic())):
            path.mysql.wait()
            kills += 1
            path.mysql.kill()
            path.mysql.start()
        time.sleep(chance.uniform(0.0, 1.0))
    return kills


def _kill_now(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def _restart_broker(path: DataPath, chance: random.Random, seconds: float) -> int:
    """As an operator does it: mosquitto writes its sessions down when it ends, not at a kill."""
    restarts, until = 0, time.monotonic() + seconds
    while time.monotonic() < until:
        path.broker.restart()
        restarts += 1
        time.sleep(chance.uniform(0.5, 5.0))
    return restarts


def _fill_redis(path: DataPath, _chance: random.Random, seconds: float) -> int:
    """First nothing at all can be written; then there is room, but less than sources may use."""
    with path.redis.connect() as client:
        client.config_set("maxmemory", client.info("memory")["used_memory"])
        time.sleep(seconds / 2)
        refused = client.info("errorstats").get("errorstat_OOM", {}).get("count", 0)
        client.config_set("maxmemory", int(client.info("memory")["used_memory"] / 0.8))
        time.sleep(seconds / 2)
    return int(refused)


_PARTS = {
    *("kill-bridge", "kill-batcher", "kill-worker", "kill-scheduler"),
    *("lose-commits", "lose-claims", "lose-ends", "lose-pubacks", "lose-answers", "swallow-replies"),
}

FAULTS = {
    "kill-daemons": Fault(_kill(), brief=5, long=240),
    "kill-bridge": Fault(_kill("bridge"), brief=3, long=60),
    "kill-batcher": Fault(_kill("batcher"), brief=3, long=60),
    "kill-worker": Fault(_kill("worker"), brief=3, long=60),
    "kill-scheduler": Fault(_kill("scheduler"), brief=3),
    "kill-redis": Fault(_kill_redis, brief=2),
    "stop-redis": Fault(_stop_redis, brief=11, long=60),
    "lose-replies": Fault(_lose(WRITTEN_AND_CLAIMS, PUBACKS, ANSWERS), brief=3),
    "lose-commits": Fault(_lose(COMMITS), brief=3),
    "lose-claims": Fault(_lose(CLAIMS), brief=3),
    "lose-ends": Fault(_lose(ENDS), brief=3),
    "lose-pubacks": Fault(_lose(PUBACKS), brief=2),
    "lose-answers": Fault(_lose(ANSWERS), brief=2),
    "lose-device-pubacks": Fault(_lose(DEVICE_PUBACKS), brief=1.5, resent=True),
    "swallow-replies": Fault(_lose(SILENCE), brief=3),
    "slow-network": Fault(_slow, brief=2),
    "kill-mysql": Fault(_kill_mysql, brief=2, long=60),
    "kill-mysql-at-commit": Fault(_kill_at_commit, brief=2),
    "restart-broker": Fault(_restart_broker, brief=1.5, resent=True),
    "fill-redis": Fault(_fill_redis, brief=2.5),
    "empty-redis": Fault(outsiders.empty_redis, brief=5, loses=True),
    "flush-scripts": Fault(outsiders.flush_scripts, brief=2),
    "change-acl": Fault(outsiders.change_acl, brief=5),
    "storm": Fault(outsiders.storm, brief=5),
    "guess-at-gateways": Fault(outsiders.guess_at_gateways, brief=8),
    "swap-versions": Fault(outsiders.swap_versions, brief=10, long=90, missing=outsiders.missing_history),
    "fill-redis-disk": Fault(sites.fill_redis_disk, brief=6, site=Site.SMALL_DISKS),
    "fill-home": Fault(sites.fill_home, brief=6, site=Site.SMALL_DISKS),
    "partition": Fault(sites.partition, brief=15, long=120, site=Site.NAMESPACE),
    "step-clock": Fault(sites.step_clock, brief=10, long=120, site=Site.STEPPING_CLOCK),
    "soak": Fault(outsiders.soak, brief=60, long=1500),
}
"""`stop-redis` is longer than any of ours waits for a reply (10 s), briefly too."""

_LATER = {"change-acl", "storm", "guess-at-gateways", "swap-versions", "soak"}
"""Faults that take long, or more of the machine than a test run has."""

BRIEFLY = [
    name
    for name, fault in FAULTS.items()
    if name not in _PARTS | _LATER and fault.site is Site.PLAIN and not fault.loses
]
"""Each kind of fault once, without those that are only a part of another, wait for the clock or need root."""
