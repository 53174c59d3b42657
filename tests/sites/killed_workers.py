"""Several workers of qctl, forked from one process, which imports qctl once.

`python -m sites.killed_workers URL COUNT QUEUE`
"""

from __future__ import annotations

import os
import sys

from qctl.broker.redis.connection import connect
from qctl.broker.worker.rq_adapter import QctlWorker
from qctl.settings import Settings


def main() -> None:
    """Work until all are killed."""
    url, count, queue = sys.argv[1:]
    settings = Settings.load(environ={"REDIS_URL": url, "QCTL_ALLOWED_JOBS": "siteapp.*"})
    for _ in range(int(count)):
        if os.fork() == 0:
            QctlWorker([queue], connect(settings), settings, "inline").work()
            return
    for _ in range(int(count)):
        os.wait()


if __name__ == "__main__":
    main()
