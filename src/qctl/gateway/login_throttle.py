"""Throttle of the panel's login form: a limited number of wrong keys per client address."""

from __future__ import annotations

import time
from collections import deque

MAX_FAILURES = 10
"""Wrong keys of one address in `WINDOW_SECONDS`; after that, attempts are refused unchecked.

Behind a proxy all clients share its address and are throttled together. The API, with its key in a header, is not.
"""

WINDOW_SECONDS = 60.0

MAX_ADDRESSES = 1000
"""Addresses remembered; beyond that the oldest is dropped."""


class LoginThrottle:
    """Counts the wrong keys of the last minute by address."""

    def __init__(self) -> None:
        self._failures: dict[str, deque[float]] = {}

    def is_blocked(self, address: str) -> bool:
        """Check whether attempts of this address are refused now."""
        failures = self._failures.get(address)
        return (
            failures is not None and len(failures) == MAX_FAILURES and time.monotonic() - failures[0] < WINDOW_SECONDS
        )

    def record_failure(self, address: str) -> None:
        """Count a wrong key."""
        if address not in self._failures and len(self._failures) >= MAX_ADDRESSES:
            del self._failures[next(iter(self._failures))]
        self._failures.setdefault(address, deque(maxlen=MAX_FAILURES)).append(time.monotonic())
