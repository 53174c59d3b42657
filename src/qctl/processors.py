"""Number of processors that this process may use."""

from __future__ import annotations

import math
import os
from pathlib import Path

CPU_LIMIT = Path("/sys/fs/cgroup/cpu.max")
"""Quota and period (us) of this control group (version 2), which a container sees as its root."""


def available(limit: Path = CPU_LIMIT) -> int:
    """Return the processors of this machine that the process may run on, less if its control group allows less."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = limit.read_text().split()
        return max(1, min(count, math.ceil(int(quota) / int(period))))
    except (OSError, ValueError, ZeroDivisionError):  # no control group, or `max`
        return count
