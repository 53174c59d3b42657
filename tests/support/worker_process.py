"""A worker process for tests that kill it: `python -m support.worker_process REDIS_URL inline|fork QUEUE...`."""

from __future__ import annotations

import logging
import signal
import sys

from qctl.broker.redis.connection import connect
from qctl.broker.worker.rq_adapter import QctlWorker
from qctl.settings import Settings


def main() -> None:
    """Work until SIGTERM."""
    url, isolation, *queues = sys.argv[1:]
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    settings = Settings.load(environ={"REDIS_URL": url, "QCTL_ALLOWED_JOBS": "support.jobs.*"})
    worker = QctlWorker(queues, connect(settings), settings, "inline" if isolation == "inline" else "fork")
    signal.signal(signal.SIGTERM, lambda *_: worker.request_drain())
    worker.work()


if __name__ == "__main__":
    main()
