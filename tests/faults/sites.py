"""Sites of data paths where Redis has small disks, a network or a clock of its own, and the faults there."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from faults.fault import Site
from faults.path import DataPath
from support.databases import MariaDb
from support.network import Namespace
from support.servers import Mosquitto, RedisServer
from support.small_disk import SmallDisk
from support.stepping_clock import SteppingClock

DISK_MEGABYTES = 64


@contextmanager
def data_path(
    site: Site, make_redis: Callable[[Path], RedisServer], folder: Path, *, shared: bool
) -> Iterator[DataPath]:
    """A data path with all its servers. Raises MissingServerError if this site cannot be had here."""
    folders = [folder / name for name in ("redis", "mosquitto", "mariadb", "home")]
    for each in folders:
        each.mkdir()
    with ExitStack() as open_now:
        disks = {}
        if site is Site.SMALL_DISKS:
            disks = {each.name: open_now.enter_context(SmallDisk(each, DISK_MEGABYTES)) for each in folders[::3]}
        redis, mysql = make_redis(folders[0]), MariaDb(folders[2])
        namespace = open_now.enter_context(Namespace()) if site is Site.NAMESPACE else None
        if namespace is not None:
            listen = ("--bind", "127.0.0.1", namespace.address, "--protected-mode", "no")
            redis.command = [*namespace.prefix, *redis.command, *listen]
        clock = SteppingClock(redis) if site is Site.STEPPING_CLOCK else None
        broker = Mosquitto(folders[1], stand_in=False)
        for server in (redis, broker, mysql):
            open_now.enter_context(server)
        url = namespace and f"redis://{namespace.address}:{redis.port}/0"
        path = DataPath(folder, redis, broker, mysql, shared=shared, redis_url=url)
        path.disks, path.namespace, path.clock = disks, namespace, clock
        yield open_now.enter_context(path)


def fill_redis_disk(path: DataPath, chance: random.Random, seconds: float) -> int:
    """Fill the disk of Redis's log. With `appendfsync always` Redis ends then, and returns when there is room."""
    ended, until, disk = 0, time.monotonic() + seconds, path.disks["redis"]
    while time.monotonic() < until:
        disk.fill()
        time.sleep(chance.uniform(0.5, 3.0))
        disk.free()
        if not path.redis.running:
            ended += 1
            path.redis.start()
        time.sleep(chance.uniform(1.0, 3.0))
    return ended


def fill_home(path: DataPath, chance: random.Random, seconds: float) -> int:
    """Fill the disk of QCTL_HOME, where SQLite has the readings. Returns how often a worker says so."""
    until, disk = time.monotonic() + seconds, path.disks["home"]
    before = _complaints(path)
    while time.monotonic() < until:
        disk.fill()
        time.sleep(chance.uniform(2.0, 5.0))
        disk.free()
        time.sleep(chance.uniform(0.5, 2.0))
    return _complaints(path) - before


def _complaints(path: DataPath) -> int:
    return sum(worker.output.count("disk is full") for worker in path.workers)


def partition(path: DataPath, chance: random.Random, seconds: float) -> int:
    """Cut Redis off, in both directions or only its replies: connections stay half open, for up to 12 s."""
    cuts, until, namespace = 0, time.monotonic() + seconds, path.namespace
    assert namespace is not None, "this path has no namespace"
    try:
        while time.monotonic() < until:
            chance.choice((namespace.cut, namespace.mute))()
            cuts += 1
            time.sleep(chance.uniform(0.5, 12.0))
            namespace.join()
            time.sleep(chance.uniform(0.5, 4.0))
    finally:
        namespace.join()
    return cuts


STEPS = (-3600, -60, 60, 3600)
"""Seconds by which Redis's clock is wrong, and then right again: what a wrong time zone and a late NTP do to it."""


def step_clock(path: DataPath, chance: random.Random, seconds: float) -> int:
    """Step Redis's clock ahead and back, by up to an hour."""
    steps, until, clock = 0, time.monotonic() + seconds, path.clock
    assert clock is not None, "this path has no clock of its own"
    try:
        while time.monotonic() < until:
            clock.step(chance.choice(STEPS))
            time.sleep(chance.uniform(2.0, 8.0))
            clock.step(0)
            time.sleep(chance.uniform(2.0, 8.0))
            steps += 2
    finally:
        clock.step(0)
    return steps
