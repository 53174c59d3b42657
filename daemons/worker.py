"""qctl-worker QUEUE...: runs the jobs of the named queues, in that order."""

from __future__ import annotations

import argparse
import re
from functools import partial

from qctl import daemon, working_folder
from qctl.models import PoolSize
from qctl.pool.workers import serve


def main() -> None:
    """Run until told to stop; the running job is finished first."""
    parser = argparse.ArgumentParser("qctl-worker", description=__doc__, epilog="example: qctl-worker sensor-data")
    add = parser.add_argument
    add("queues", nargs="*", metavar="QUEUE", help="a queue, of the catalog or not")
    add(
        "--declared",
        dest="is_declared",
        action="store_true",
        help="also queues of QCTL_JOBS_MODULES and the default job",
    )
    add("--instance", action="store_true", help="QUEUE:2 is QUEUE: a second unit of qctl-worker@")
    add("--isolation", choices=("inline", "fork"), help="default: as the catalog says, else fork")
    add("--workers", dest="size", type=_size, metavar="N|auto|N..M", help="processes; bounds scale by themselves")
    add("--burst", dest="is_burst", action="store_true", help="end when there is nothing left to do")
    options = vars(parser.parse_args())
    if options.pop("instance"):
        options["queues"] = [re.sub(r":\d+$", "", queue) for queue in options["queues"]]
    working_folder.add_to_path()  # as in `rq worker`
    daemon.main("qctl-worker", partial(serve, **options))


def _size(text: str) -> PoolSize:
    try:
        return PoolSize.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} {error}") from None
