"""A job that tells when it begins."""

from __future__ import annotations

import os
import time

from redis import Redis

_redis = Redis.from_url(os.environ["BENCH_REDIS"])


def began() -> None:
    """Tell."""
    _redis.rpush("began", time.time())


def report_start(seconds: float) -> None:
    """Report the start, then run for this time."""
    began()
    time.sleep(seconds)
