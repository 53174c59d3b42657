"""Keys of the remarks of people."""

from __future__ import annotations

from qctl.broker.redis.key_prefix import QCTL

MARKS = f"{QCTL}marks"
"""ZSET JSON {text, by, at} -> time (ms): marks of deployments and the like."""

NOTES = f"{QCTL}notes"
"""HASH `cause:{fingerprint}`, `pause:{queue}`, `schedule:{name}`, `letter:{job id}` -> JSON {text, by, at,
acknowledged}: notes of operators. `acknowledged`, the number of letters then, is missing in a plain note."""
