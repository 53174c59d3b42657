"""Limits guesses of a token by address, in this process: a server that runs without Redis must limit them too.

An address with too many wrong tokens is refused before its next one is looked at, a right one included.
"""

from __future__ import annotations

import time
from collections import OrderedDict, deque

MAX_WRONG_TOKENS = 10
WINDOW_SECONDS = 60.0
"""Wrong tokens of an address in this time (s), after which it is refused until the oldest is older."""

MAX_ADDRESSES = 10_000
"""Addresses whose wrong tokens are remembered; the one that was wrong longest ago is forgotten first."""


class WrongTokens:
    """The wrong tokens that each address has sent."""

    def __init__(self) -> None:
        self._times: OrderedDict[str, deque[float]] = OrderedDict()

    def note(self, site: str) -> None:
        """Count a wrong token."""
        times = self._times.setdefault(site, deque(maxlen=MAX_WRONG_TOKENS))
        times.append(time.monotonic())
        self._times.move_to_end(site)
        if len(self._times) > MAX_ADDRESSES:
            self._times.popitem(last=False)

    def is_blocked(self, site: str) -> bool:
        """True if an address has sent too many."""
        times = self._times.get(site)
        return times is not None and len(times) == MAX_WRONG_TOKENS and time.monotonic() - times[0] < WINDOW_SECONDS
