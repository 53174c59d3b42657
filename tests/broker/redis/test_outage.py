"""The log of an outage: each cause once, and the end."""

from __future__ import annotations

import logging

import pytest

from qctl.broker.redis.outage import Outage

log = logging.getLogger("test")


def test_each_cause_is_logged_once_and_the_end_with_the_attempts(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    outage = Outage(log, "no jobs are claimed")
    outage.end()
    for number in range(100):
        outage.add(f"Redis is full: {number} items wait")
    outage.add("Redis is a read-only replica")
    outage.end()
    outage.end()
    outage.add("Redis is a read-only replica")
    assert [record.getMessage() for record in caplog.records] == [
        "no jobs are claimed: Redis is full: 0 items wait; trying again",
        "no jobs are claimed: Redis is a read-only replica; trying again",
        "no jobs are claimed: over after 0 s, attempts=101",
        "no jobs are claimed: Redis is a read-only replica; trying again",
    ]
