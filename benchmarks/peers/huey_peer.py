"""huey: `fill COUNT`, or `huey_consumer huey_peer.huey`."""

from __future__ import annotations

import os
import sys

from huey import RedisHuey
from noop import noop

huey = RedisHuey("bench", url=os.environ["BENCH_REDIS"])
task = huey.task()(noop)

if __name__ == "__main__":
    for _ in range(int(sys.argv[2])):
        task()
