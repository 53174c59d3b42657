"""celery: `fill COUNT`, or `celery -A celery_peer worker`."""

from __future__ import annotations

import os
import sys

from celery import Celery
from noop import noop

app = Celery("celery_peer", broker=os.environ["BENCH_REDIS"], backend=os.environ["BENCH_REDIS"])
task = app.task(name="noop")(noop)

if __name__ == "__main__":
    for _ in range(int(sys.argv[2])):
        task.delay()
