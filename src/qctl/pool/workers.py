"""Work of `qctl-worker`: runs jobs in this process, or in the processes of a pool."""

from __future__ import annotations

from functools import partial

from qctl import catalog, daemon
from qctl.broker.redis.connection import connect
from qctl.broker.worker.rq_adapter import Isolation, QctlWorker
from qctl.models import PoolSize


def serve(
    context: daemon.Context,
    *,
    queues: list[str],
    is_declared: bool,
    isolation: Isolation | None,
    size: PoolSize | None,
    is_burst: bool,
) -> None:
    """Run jobs of these queues until the context stops: in a pool if a size is given, here or by QCTL_WORKERS.

    `is_declared` adds the queues of declared jobs and of the default job. `isolation`: by default as the catalog says.
    """
    settings = context.settings
    jobs = catalog.jobs(settings.jobs_modules)
    queues = queues + (catalog.declared_queues(jobs, settings.gateway_default_job) if is_declared else [])
    if not queues:
        context.nothing_to_do("neither an argument nor a declared job names a queue")
        return
    chosen = isolation or catalog.isolation(queues, jobs)
    work = partial(_work, queues=queues, isolation=chosen, is_burst=is_burst)
    size = size or settings.worker_size
    if size is None:
        work(context)
    else:
        from qctl.pool.parent import ProcessPool  # a single worker does not need the reads of a pool
        from qctl.pool.scaling import QueueScaling

        ProcessPool(context, "qctl-worker", work, QueueScaling(settings, queues, size), until_done=is_burst).run()


def _work(context: daemon.Context, *, queues: list[str], isolation: Isolation, is_burst: bool) -> None:
    """Run jobs in this process until the context stops; the running job is finished first."""
    settings = context.settings
    order = catalog.claim_order(queues, catalog.jobs(settings.jobs_modules))
    worker = QctlWorker(order, connect(settings), settings, isolation)
    context.on_stop(worker.request_drain)
    context.on_abort(worker.request_abort)
    context.on_reload(["QCTL_ALLOWED_JOBS"], lambda settings: worker.allow_jobs(settings.allowed_jobs))
    worker.work(burst=is_burst, beat=context.beat, allow=context.allow)
