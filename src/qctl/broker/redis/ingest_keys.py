"""Names of keys for what is usual in ingestion, and for what brokers dropped."""

from __future__ import annotations

from qctl.broker.redis.key_prefix import QCTL


def topic_pauses(pipeline: str) -> str:
    """HASH topic -> `count day p0 ... p6`: pauses so far, the day since 1970 of the last one, and the longest pause
    (ms) of that day and each of the six before it."""
    return f"{QCTL}ingest:{pipeline}:pauses"


JOB_PAUSES = f"{QCTL}job-pauses"
"""HASH job name -> the same of pauses between runs, of jobs that an alert rule watches; `at:NAME` -> the minute since
1970 in which the last known run ended."""


def broker_drops(pipeline: str) -> str:
    """HASH `of BROKER TOPIC` -> the count that it last told; `dropped` -> messages dropped since they were
    first told, `at` -> when that last grew (ms)."""
    return f"{QCTL}ingest:{pipeline}:drops"
