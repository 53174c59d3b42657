"""celery: the verbs, or `celery -A celery_peer worker`."""

from __future__ import annotations

import os

import timed
import verbs
from celery import Celery
from noop import noop

app = Celery("celery_peer", broker=os.environ["BENCH_REDIS"], backend=os.environ["BENCH_REDIS"])
task = app.task(name="noop")(noop)
report_start = app.task(name="report_start")(timed.report_start)

if __name__ == "__main__":
    verbs.run(task.delay, report_start.delay)
