"""dramatiq: `fill COUNT`, or `dramatiq dramatiq_peer`."""

from __future__ import annotations

import os
import sys

import dramatiq
from dramatiq.brokers.redis import RedisBroker
from noop import noop

dramatiq.set_broker(RedisBroker(url=os.environ["BENCH_REDIS"]))
task = dramatiq.actor(noop)

if __name__ == "__main__":
    for _ in range(int(sys.argv[2])):
        task.send()
