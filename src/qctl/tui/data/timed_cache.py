"""What was read, kept for as long as reading it again would cost too much."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

CHEAP = 0.03
"""Seconds of a processor that a reading may take to be made each time."""

SHARE = 50
"""Seconds for which a reading of everything is good, for each second that it took: it costs 2 % of a processor."""


class Kept:
    """What was read, and until when that is good."""

    def __init__(self) -> None:
        self.value: Any = None
        self.is_dear = False
        self._until = 0.0

    @property
    def is_good(self) -> bool:
        """Whether it need not be read again."""
        return self.value is not None and time.monotonic() < self._until

    def spoil(self) -> None:
        """It has to be read again."""
        self._until = 0.0

    def renew(self, read: Callable[[], Any]) -> Any:
        """Read it. It is good for longer where that takes long."""
        began = time.thread_time()
        self.value = read()
        took = time.thread_time() - began
        self.is_dear = took > CHEAP
        self._until = time.monotonic() + (SHARE * took if self.is_dear else 0.0)
        return self.value
