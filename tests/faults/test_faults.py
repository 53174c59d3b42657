"""P1 and P2 end to end: whatever goes wrong, every acknowledged message is in its sink once, or a dead letter."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from faults import arrivals
from faults.faults import BRIEFLY, FAULTS
from faults.path import DataPath
from faults.trial import put_to_trial
from support.databases import MariaDb
from support.servers import Mosquitto, RedisServer

RATE = 150.0


@pytest.fixture
def path(tmp_path: Path, own_redis: RedisServer, own_mosquitto: Mosquitto, own_mariadb: MariaDb) -> Iterator[DataPath]:
    """The whole way of the data, running."""
    with DataPath(tmp_path, own_redis, own_mosquitto, own_mariadb) as path:
        yield path


@pytest.mark.kill
@pytest.mark.timeout(1800)
def test_every_acknowledged_message_is_there_once(path: DataPath, long_run: bool) -> None:
    names = list(FAULTS) if long_run else BRIEFLY
    for name in names:
        seed = random.SystemRandom().randrange(10**6)
        seconds = FAULTS[name].long if long_run else FAULTS[name].brief
        trial = put_to_trial(path, name, seed, seconds, RATE)
        print(trial)
        assert not trial.objections, f"{trial}\n{arrivals.state(path)}\n{path.tails()}"
