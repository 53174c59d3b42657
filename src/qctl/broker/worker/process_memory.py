"""The memory of processes."""

from __future__ import annotations

import os


def resident_bytes(*pids: int) -> int | None:
    """The resident memory of these processes together, in bytes. None if Linux does not know the first."""
    total = None
    for pid in pids:
        try:
            with open(f"/proc/{pid}/statm", "rb") as file:
                pages = int(file.read().split()[1])
        except (OSError, ValueError, IndexError):
            if total is None:
                return None
            continue  # a child that ended meanwhile
        total = (total or 0) + pages * os.sysconf("SC_PAGE_SIZE")
    return total
