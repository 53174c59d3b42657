"""Keys of the limits that claims obey."""

from __future__ import annotations

from qctl.broker.redis.key_prefix import QCTL

LIMITS = f"{QCTL}limits"
"""HASH `queue:{queue}`, `job:{job}`, `owner:{owner}` -> JSON {by, at, until, reason, rate, per, concurrency, blackout,
zone, windows, labels}: the limits; times in ms, `rate` claims in `per` ms, none in the `windows` [[start, end]], which
are the next ones of the blackout. A limit without a rate, concurrency or blackout lacks it."""

LIMIT_PREFIX = f"{QCTL}limit:"
"""Prefix of the keys of a limit; its field in `LIMITS` follows, and `:times` or `:held`."""


def times(limit: str) -> str:
    """LIST of the times (ms) of the last claims under a limit, newest first."""
    return f"{LIMIT_PREFIX}{limit}:times"


def held(limit: str) -> str:
    """SET of `queue|job id`: jobs with a claim under a limit, and some whose claim is gone."""
    return f"{LIMIT_PREFIX}{limit}:held"
