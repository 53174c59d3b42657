"""Names of the keys of schedules beside their hashes."""

from __future__ import annotations

from qctl.broker.redis.key_prefix import QCTL


def runs(name: str) -> str:
    """HASH of the last runs of one schedule: job id, or `missed:DUE`, `dropped:DUE`, `skipped:DUE` -> due time (s), and
    how it ended."""
    return f"{QCTL}schedule-runs:{name}"
