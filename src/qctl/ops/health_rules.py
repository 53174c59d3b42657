"""Thresholds of the health check, by which `qctl health`, `qctl doctor`, the monitor and the alerts judge.

Each is a number with its unit in its name, what it judges, and why it has this value.
"""

from __future__ import annotations

# --- sources and schedulers ---------------------------------------------------------------------------------------

SOURCE_WAITING_SECONDS = 10.0
"""Time for which a daemon may wait, for its broker or for Redis, before it is reported; their restarts are shorter."""

RIVAL_SECONDS = 60.0
"""Time after two processes of one name were last seen at once for which that is reported."""

REPLACED_SECONDS = 600.0
"""Time for which a silent daemon is shown although others of its kind run: it may have been replaced."""
