"""The command line: `PYTHONPATH=tests python -m faults --help`."""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from faults import arrivals
from faults.faults import FAULTS
from faults.path import DataPath
from faults.redis_kinds import REDIS_KINDS
from faults.trial import put_to_trial
from support.databases import MariaDb
from support.servers import Mosquitto, RedisServer


def main() -> int:
    """Try faults one after the other over one path. Returns 1 where one of them breaks a promise."""
    parser = argparse.ArgumentParser("python -m faults", description=__doc__)
    parser.add_argument("--fault", action="append", choices=[*FAULTS, "all"], help="may be given again; default: all")
    parser.add_argument(
        "--seconds", type=float, help="how long each strikes; default: the shortest that shows anything"
    )
    parser.add_argument(
        "--long", action="store_true", help="default seconds that show much: a quarter of an hour in all"
    )
    parser.add_argument("--seed", type=int, help="the same seed strikes in the same order")
    parser.add_argument("--rate", type=float, default=200.0, help="readings a second, and messages; default: 200")
    parser.add_argument("--share", action="store_true", help="the bridges share one subscription ($share)")
    parser.add_argument(
        "--redis",
        choices=REDIS_KINDS,
        default="private",
        help="private: as `qctl up` starts it; foreign: Debian's redis.conf with the recommended settings; "
        "everysec: loses data when it is killed; default: private",
    )
    parser.add_argument(
        "--disk-pressure", type=int, default=0, metavar="N", help="N processes write and fsync beside it; default: 0"
    )
    options = parser.parse_args()
    seed = random.SystemRandom().randrange(10**6) if options.seed is None else options.seed
    names = list(FAULTS) if not options.fault or "all" in options.fault else options.fault
    broken = 0
    with _path(REDIS_KINDS[options.redis], shared=options.share) as path:
        for name in names:
            usual = FAULTS[name].long if options.long else FAULTS[name].brief
            trial = put_to_trial(path, name, seed, options.seconds or usual, options.rate, options.disk_pressure)
            print(trial, flush=True)
            if trial.objections:
                broken += 1
                print(arrivals.state(path), path.tails(), sep="\n", flush=True)
    return 1 if broken else 0


@contextmanager
def _path(make_redis: Callable[[Path], RedisServer], *, shared: bool) -> Iterator[DataPath]:
    with tempfile.TemporaryDirectory(prefix="qctl-faults-") as name, ExitStack() as servers:
        folders = [Path(name) / each for each in ("redis", "mosquitto", "mariadb")]
        for folder in folders:
            folder.mkdir()
        redis, mysql = make_redis(folders[0]), MariaDb(folders[2])
        broker = Mosquitto(folders[1], stand_in=False)
        for server in (redis, broker, mysql):
            servers.enter_context(server)
        yield servers.enter_context(DataPath(Path(name), redis, broker, mysql, shared=shared))


if __name__ == "__main__":
    sys.exit(main())
