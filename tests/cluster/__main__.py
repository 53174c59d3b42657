"""The command line: `PYTHONPATH=tests python -m cluster --help`."""

from __future__ import annotations

import argparse
import signal
import statistics
import sys
import tempfile
from pathlib import Path

from cluster.faults import FAULTS
from cluster.network import Network, NoNetworkError
from cluster.site import ClusterSite
from cluster.trial import Trial, put_to_trial


def main() -> int:
    """Try faults one after the other at one site. Returns 1 if one of them breaks a promise."""
    parser = argparse.ArgumentParser("python -m cluster", description=__doc__)
    parser.add_argument("--fault", action="append", choices=[*FAULTS, "all"], help="may be given again; default: all")
    parser.add_argument("--rounds", type=int, default=1, help="how often each strikes; default: 1")
    parser.add_argument(
        "--replicas", type=int, default=1, help="QCTL_REDIS_REPLICAS; default: 1. With 0 losses are counted"
    )
    parser.add_argument("--folder", type=Path, help="an empty folder that keeps all logs")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))  # else its networks would stay
    names = list(FAULTS) if not options.fault or "all" in options.fault else options.fault
    trials: list[Trial] = []
    with tempfile.TemporaryDirectory(prefix="qctl-cluster-") as own:
        try:
            folder = options.folder or Path(own)
            with Network(3) as network, ClusterSite(network, folder, replicas=options.replicas) as site:
                for _ in range(options.rounds):
                    trials += _try_all(site, names)
        except NoNetworkError as missing:
            print(f"{', '.join(names)} skipped: {missing}", flush=True)
            return 0
    _sum_up(trials)
    return 1 if options.replicas and any(trial.objections or trial.late for trial in trials) else 0


def _try_all(site: ClusterSite, names: list[str]) -> list[Trial]:
    trials = []
    for name in names:
        try:
            trial = put_to_trial(site, name)
        except NoNetworkError as missing:
            print(f"{name} skipped: {missing}", flush=True)
            continue
        print(trial, flush=True)
        if trial.objections:
            print(site.tails(), flush=True)
        trials.append(trial)
    return trials


def _sum_up(trials: list[Trial]) -> None:
    if not trials:
        return
    seconds = [trial.seconds_to_work for trial in trials]
    acknowledged = sum(trial.acknowledged for trial in trials)
    print(
        f"{len(trials)} faults: work went on after {statistics.median(seconds):.1f} s (median), "
        f"{max(seconds):.1f} s (worst); {sum(sum(trial.lost.values()) for trial in trials)} of {acknowledged} lost; "
        f"{sum(trial.repeated for trial in trials)} jobs ran again"
    )


if __name__ == "__main__":
    sys.exit(main())
