"""Cache of one value, valid for longer the more processor time a read of it takes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Generic, TypeVar

CHEAP_READ_SECONDS = 0.03
"""Processor time (s) of a read up to which nothing is cached."""

TTL_PER_READ_SECOND = 50
"""Seconds that a value stays valid for each second of processor time that its read took: 2 % of a processor."""

T = TypeVar("T")


class TimedCache(Generic[T]):
    """The last value read, and until when it is valid."""

    def __init__(self, min_ttl: float = 0.0) -> None:
        """`min_ttl` is how long (s) a value stays valid even if its read cost little."""
        self._min_ttl = min_ttl
        self.value: T | None = None
        self.is_expensive = False
        """True if the last read took more processor time than `CHEAP_READ_SECONDS`."""
        self._valid_until = 0.0

    @property
    def is_valid(self) -> bool:
        """True if the value can be used without another read."""
        return self.value is not None and time.monotonic() < self._valid_until

    def invalidate(self) -> None:
        """Require a read before the next use."""
        self._valid_until = 0.0

    def refresh(self, read: Callable[[], T]) -> T:
        """Read the value and return it."""
        began = time.thread_time()
        self.value = read()
        cost = time.thread_time() - began
        self.is_expensive = cost > CHEAP_READ_SECONDS
        self._valid_until = time.monotonic() + max(
            self._min_ttl, TTL_PER_READ_SECOND * cost if self.is_expensive else 0.0
        )
        return self.value
