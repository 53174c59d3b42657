"""Faults that take a host, the network between hosts, or all of them at once."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass

from cluster.load import Load
from cluster.site import ClusterSite
from support.waiting import eventually

FREEZE_SECONDS = 60.0

LOSSY_SECONDS = 10.0


@dataclass(frozen=True)
class Fault:
    """A fault. `strike` returns the seconds until work went on, and may leave damage: the site is healed after it."""

    strike: Callable[[ClusterSite, Load], float]


def _power_off(site: ClusterSite, load: Load) -> float:
    site.primary().power_off()
    return load.seconds_to_work(time.monotonic())


def _cut_off(site: ClusterSite, load: Load) -> float:
    """The primary's host goes on by itself, with its worker, and hears nothing."""
    site.primary().host.cut()
    return load.seconds_to_work(time.monotonic())


def _mute(site: ClusterSite, load: Load) -> float:
    node = site.primary()
    others = [site.network.address, *(other.host.address for other in site.nodes if other is not node)]
    node.host.mute(*others)
    try:
        return load.seconds_to_work(time.monotonic())
    finally:
        node.host.unmute(*others)


def _lossy(site: ClusterSite, load: Load) -> float:
    for node in site.nodes:
        node.host.lose(10, 200)
    time.sleep(LOSSY_SECONDS)
    return load.seconds_to_work(time.monotonic())


def _freeze(site: ClusterSite, load: Load) -> float:
    """The primary stands still for a minute, and wakes up as one that has been replaced."""
    node = site.primary()
    node.redis.freeze()
    began = time.monotonic()
    seconds = load.seconds_to_work(began)
    time.sleep(max(0.0, began + FREEZE_SECONDS - time.monotonic()))
    node.redis.thaw()
    return seconds


def _rolling_restart(site: ClusterSite, load: Load) -> float:
    worst = 0.0
    for node in site.nodes:
        node.power_off()
        worst = max(worst, load.seconds_to_work(time.monotonic()))
        node.power_on()
        eventually(site.is_whole, what="the host to join", every=0.2)
    return worst


def _resync(site: ClusterSite, load: Load) -> float:
    """A replica comes back without its data, and gets all of it while messages arrive."""
    primary = site.primary()
    node = next(node for node in site.nodes if node is not primary)
    node.redis.kill()
    shutil.rmtree(node.redis.folder / "appendonlydir")
    node.redis.launch()
    return load.seconds_to_work(time.monotonic())


def _sentinels_lost(site: ClusterSite, load: Load) -> float:
    """Without a majority of Sentinels there is no failover, and none is needed."""
    for node in site.nodes[:2]:
        node.sentinel.kill()
    return load.seconds_to_work(time.monotonic())


def _all_off(site: ClusterSite, load: Load) -> float:
    for node in site.nodes:
        node.power_off()
    began = time.monotonic()
    for node in site.nodes:
        node.power_on()
    return load.seconds_to_work(began)


FAULTS = {
    "power-off": Fault(_power_off),
    "cut-off": Fault(_cut_off),
    "mute": Fault(_mute),
    "lossy": Fault(_lossy),
    "freeze": Fault(_freeze),
    "rolling-restart": Fault(_rolling_restart),
    "resync": Fault(_resync),
    "sentinels-lost": Fault(_sentinels_lost),
    "all-off": Fault(_all_off),
}
"""Faults by name."""
