"""Waiting with a deadline, instead of sleeping and hoping."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from hypothesis import HealthCheck

T = TypeVar("T")

UNHURRIED = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
"""Checks of Hypothesis that are off: a fixture that every example shares, and how long examples take to make."""

PATIENCE_SECONDS = 90.0
"""Time for anything that has to happen. It says nothing about speed: a machine with other work may need it, and who
waits goes on at once when it has happened."""


def eventually(check: Callable[[], T], seconds: float = PATIENCE_SECONDS, what: str = "", every: float = 0.01) -> T:
    """Ask `check` until it answers something true, and return that.

    Raises AssertionError naming `what` and the last answer where `seconds` passed first: give them only where the time
    itself is what is tested, or where more is needed.
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


@contextmanager
def later(seconds: float, act: Callable[[], object]) -> Iterator[None]:
    """Do it in a thread after so many seconds, while what is inside goes on. It is over when this is left: what still
    talks to a server then would fall into the next test."""
    timer = threading.Timer(seconds, act)
    timer.start()
    try:
        yield
    finally:
        timer.join()
