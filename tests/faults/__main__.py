"""The command line: `PYTHONPATH=tests python -m faults --help`."""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from pathlib import Path

from faults import arrivals
from faults.fault import Site
from faults.faults import FAULTS
from faults.redis_kinds import REDIS_KINDS
from faults.sites import data_path
from faults.trial import put_to_trial
from support.servers import MissingServerError


def main() -> int:
    """Try faults one after the other. Returns 1 where one of them breaks a promise."""
    parser = argparse.ArgumentParser("python -m faults", description=__doc__)
    parser.add_argument("--fault", action="append", choices=[*FAULTS, "all"], help="may be given again; default: all")
    parser.add_argument(
        "--seconds", type=float, help="how long each strikes; default: the shortest that shows anything"
    )
    parser.add_argument("--long", action="store_true", help="default seconds that show much: about an hour in all")
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
    for site in Site:
        chosen = [name for name in names if FAULTS[name].site is site]
        if chosen:
            broken += _try_all(site, chosen, seed, options)
    return 1 if broken else 0


def _try_all(site: Site, names: list[str], seed: int, options: argparse.Namespace) -> int:
    """Try faults over one path. Returns how many broke a promise. Where the site cannot be had, they are skipped."""
    broken = 0
    with tempfile.TemporaryDirectory(prefix="qctl-faults-") as folder:
        try:
            with data_path(site, REDIS_KINDS[options.redis], Path(folder), shared=options.share) as path:
                for name in names:
                    if reason := FAULTS[name].missing():
                        print(f"{name} skipped: {reason}", flush=True)
                        continue
                    usual = FAULTS[name].long if options.long else FAULTS[name].brief
                    seconds = options.seconds or usual
                    trial = put_to_trial(path, name, seed, seconds, options.rate, options.disk_pressure)
                    print(trial, flush=True)
                    if trial.objections:
                        broken += 1
                        print(arrivals.state(path), path.tails(), sep="\n", flush=True)
        except MissingServerError as missing:
            print(f"{', '.join(names)} skipped: {missing}", flush=True)
    return broken


if __name__ == "__main__":
    sys.exit(main())
