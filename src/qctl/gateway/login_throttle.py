"""How often one address may give a wrong key to the form of the panel."""

from __future__ import annotations

import time
from collections import deque

MOST = 10
"""Wrong keys of one address in `WINDOW` seconds. Behind a proxy all have its address: then they wait together, and the
API, where the key is a header, goes on."""

WINDOW = 60.0

REMEMBERED = 1000
"""Addresses; beyond that those of which the first came longest ago are forgotten."""


class Tries:
    """The wrong keys of the last minute."""

    def __init__(self) -> None:
        self._failed: dict[str, deque[float]] = {}

    def too_many(self, address: str) -> bool:
        """Whether nothing is looked at that this address gives now."""
        failed = self._failed.get(address)
        return failed is not None and len(failed) == MOST and time.monotonic() - failed[0] < WINDOW

    def failed(self, address: str) -> None:
        """It gave a wrong key."""
        if address not in self._failed and len(self._failed) >= REMEMBERED:
            del self._failed[next(iter(self._failed))]
        self._failed.setdefault(address, deque(maxlen=MOST)).append(time.monotonic())
