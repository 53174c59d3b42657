"""The job that every worker runs: it does nothing but say so, by one byte at the end of a file."""

from __future__ import annotations

import os
import time

_DONE = os.open(os.environ["BENCH_DONE"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)


def noop() -> None:
    """Do nothing."""
    os.write(_DONE, b".")


def nap() -> None:
    """Take a millisecond, none of it of a processor."""
    time.sleep(0.001)
    noop()
