"""The shape of a fault."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from faults.path import DataPath

Strike = Callable[[DataPath, random.Random, float], int]


class Site(Enum):
    """Places for the servers of a data path. Small disks and a namespace take root."""

    PLAIN = "plain"
    SMALL_DISKS = "small disks"
    """Redis's folder and QCTL_HOME are file systems of their own, which can be filled."""
    NAMESPACE = "namespace"
    """Redis is behind a network interface that can be taken down; nobody goes through the proxy before it."""
    STEPPING_CLOCK = "stepping clock"
    """Redis has a clock of its own, which can be stepped."""


@dataclass(frozen=True)
class Fault:
    """`strike` takes the path, chance and seconds, and returns how often something went wrong. `brief` is the shortest
    time in seconds that shows anything, `long` what `--long` takes. `resent`: devices send again what had arrived.
    `loses`: acknowledged items may be lost, and the loss has to be said. `missing` names what it needs and is not here.
    """

    strike: Strike
    brief: float
    long: float = 30
    resent: bool = False
    loses: bool = False
    site: Site = Site.PLAIN
    missing: Callable[[], str] = lambda: ""
