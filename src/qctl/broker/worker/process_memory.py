"""The memory and the processor time of processes."""

from __future__ import annotations

import os


def processor_seconds(*pids: int) -> float | None:
    """The processor time that these processes, and children of theirs that have ended, have taken, in seconds. None if
    Linux does not know the first."""
    total = None
    for pid in pids:
        try:
            with open(f"/proc/{pid}/stat", "rb") as file:
                fields = file.read().rpartition(b")")[2].split()  # the name before it may contain anything
            ticks = sum(map(int, fields[11:15]))
        except (OSError, ValueError, IndexError):
            if total is None:
                return None
            continue
        total = (total or 0.0) + ticks / os.sysconf("SC_CLK_TCK")
    return total


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
