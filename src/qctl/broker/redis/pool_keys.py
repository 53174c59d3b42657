"""Keys of the pools of workers."""

from __future__ import annotations

from qctl.broker.redis.key_prefix import QCTL

POOLS = f"{QCTL}pools"
"""HASH `{host}/{pool}:{pid}` -> JSON of a pool's report (`bookkeeping/pools.py`), with `at` in ms of Redis's clock."""

POOL_SIZES = f"{QCTL}pools:sizes"
"""HASH `{host}/{pool}` -> JSON {size, by, at}: the sizes that `worker scale` asked for."""
