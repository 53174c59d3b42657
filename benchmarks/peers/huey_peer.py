"""huey: the verbs, or `huey_consumer huey_peer.huey`."""

from __future__ import annotations

import os

import timed
import verbs
from huey import RedisHuey
from noop import noop

huey = RedisHuey("bench", url=os.environ["BENCH_REDIS"])
task = huey.task()(noop)
report_start = huey.task()(timed.report_start)

if __name__ == "__main__":
    verbs.run(task, report_start)
