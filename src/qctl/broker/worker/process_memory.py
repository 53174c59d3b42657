"""How much memory processes hold."""

from __future__ import annotations

import os


def resident(*pids: int) -> int | None:
    """Bytes of memory that these processes hold together, as Linux tells. None where it does not tell of the first."""
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
