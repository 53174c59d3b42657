"""dramatiq: the verbs, or `dramatiq dramatiq_peer`."""

from __future__ import annotations

import os

import dramatiq
import timed
import verbs
from dramatiq.brokers.redis import RedisBroker
from noop import noop

dramatiq.set_broker(RedisBroker(url=os.environ["BENCH_REDIS"]))
task = dramatiq.actor(noop)
report_start = dramatiq.actor(timed.report_start)

if __name__ == "__main__":
    verbs.run(task.send, report_start.send)
