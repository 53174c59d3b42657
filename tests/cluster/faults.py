"""Faults that take a host, the network between hosts, or all of them at once."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass

from cluster.load import Load
from cluster.site import HEALING_SECONDS, ClusterSite
from support.waiting import eventually

FREEZE_SECONDS = 60.0

LOSSY_SECONDS = 20.0

SPLIT_SECONDS = 20.0
"""More than Sentinel takes to choose another primary, and than the old one takes writes (`min-replicas-max-lag`)."""


@dataclass(frozen=True)
class Fault:
    """A fault. `strike` returns the seconds until work went on, and may leave damage: the site is healed after it."""

    strike: Callable[[ClusterSite, Load], float]


def _power_off(site: ClusterSite, load: Load) -> float:
    site.primary().power_off()
    return load.seconds_to_work(time.monotonic())


def _cut_off(site: ClusterSite, load: Load) -> float:
    """The primary's host goes on by itself, with its daemons, and reaches nobody."""
    site.primary().host.cut()
    return load.seconds_to_work(time.monotonic())


def _split(site: ClusterSite, load: Load) -> float:
    """The primary's host and the other two do not reach each other; clients reach all three. The primary takes writes
    until it has missed its replicas for long enough, while another one is chosen."""
    node = site.primary()
    try:
        node.host.mute(*(other.host.address for other in site.others(node)))
        for other in site.others(node):
            other.host.mute(node.host.address)
        began = time.monotonic()
        seconds = load.seconds_to_work(began)
        time.sleep(max(0.0, began + SPLIT_SECONDS - time.monotonic()))
        return seconds
    finally:
        for each in site.nodes:
            each.host.unmute()


def _mute(site: ClusterSite, load: Load) -> float:
    """The primary's host hears all, and nobody hears it."""
    node = site.primary()
    node.host.mute(site.network.address, *(other.host.address for other in site.others(node)))
    try:
        return load.seconds_to_work(time.monotonic())
    finally:
        node.host.unmute()


def _lossy(site: ClusterSite, load: Load) -> float:
    """A tenth of all that hosts send is lost, and the rest is 200 ms late."""
    for node in site.nodes:
        node.host.lose(0.1, 0.2)
    began = time.monotonic()
    seconds = load.seconds_to_work(began)
    time.sleep(max(0.0, began + LOSSY_SECONDS - time.monotonic()))
    return seconds


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
        eventually(site.is_whole, HEALING_SECONDS, what="the host to join", every=0.2)
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
    "split": Fault(_split),
    "mute": Fault(_mute),
    "lossy": Fault(_lossy),
    "freeze": Fault(_freeze),
    "rolling-restart": Fault(_rolling_restart),
    "resync": Fault(_resync),
    "sentinels-lost": Fault(_sentinels_lost),
    "all-off": Fault(_all_off),
}
"""Faults by name."""
