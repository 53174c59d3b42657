"""qctl-worker QUEUE...: runs the jobs of the named queues, in that order."""

from __future__ import annotations

import argparse
import re

from qctl import catalog, daemon, working_folder
from qctl.broker.redis.connection import connect
from qctl.broker.worker.rq_adapter import QctlWorker


def main() -> None:
    """Run until told to stop; the running job is finished first."""
    parser = argparse.ArgumentParser("qctl-worker", description=__doc__, epilog="example: qctl-worker sensor-data")
    parser.add_argument("queues", nargs="*", metavar="QUEUE", help="a queue, of the catalog or not")
    parser.add_argument("--declared", action="store_true", help="also queues of QCTL_JOBS_MODULES and the default job")
    parser.add_argument("--instance", action="store_true", help="QUEUE:2 is QUEUE: a second unit of qctl-worker@")
    parser.add_argument("--isolation", choices=("inline", "fork"), help="default: as the catalog says, else fork")
    parser.add_argument("--burst", action="store_true", help="end when there is nothing left to do")
    options = parser.parse_args()
    if options.instance:
        options.queues = [re.sub(r":\d+$", "", queue) for queue in options.queues]
    working_folder.add_to_path()  # as in `rq worker`

    def serve(context: daemon.Context) -> None:
        settings = context.settings
        jobs = catalog.jobs(settings.jobs_modules)
        options.queues += catalog.declared_queues(jobs, settings.gateway_default_job) if options.declared else []
        if not options.queues:
            context.nothing_to_do("neither an argument nor a declared job names a queue")
            return
        isolation = options.isolation or catalog.isolation(options.queues, jobs)
        worker = QctlWorker(catalog.claim_order(options.queues, jobs), connect(settings), settings, isolation)
        context.on_stop(worker.request_drain)
        context.on_abort(worker.request_abort)
        context.on_reload(["QCTL_ALLOWED_JOBS"], lambda settings: worker.allow_jobs(settings.allowed_jobs))
        worker.work(burst=options.burst, beat=context.beat, allow=context.allow)

    daemon.main("qctl-worker", serve)
