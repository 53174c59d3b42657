"""Waiting with a deadline, instead of sleeping and hoping."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def eventually(check: Callable[[], T], seconds: float = 15.0, what: str = "", every: float = 0.01) -> T:
    """Ask `check` until it answers something true, and return that.

    Raises AssertionError naming `what` and the last answer where `seconds` passed first.
    """
    deadline = time.monotonic() + seconds
    while True:
        answer = check()
        if answer:
            return answer
        if time.monotonic() > deadline:
            what = what or getattr(check, "__name__", "it")
            raise AssertionError(f"{what} did not happen within {seconds} s; last seen: {answer!r}")
        time.sleep(every)
