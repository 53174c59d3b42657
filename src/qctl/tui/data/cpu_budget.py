"""What the monitor may take of a processor: it stays open for days, beside what it watches."""

from __future__ import annotations

import time

SHARE = 0.07
"""Of one core, in the long run, for everything: hearing, reading, drawing."""

MOST = 0.2
"""Seconds of a processor that are saved up while little happens: what happens then is shown at once."""

LENT = 0.4
"""Seconds that are lent, for what should not wait: what people did. More than a reading of 1,000 queues takes."""

DEBT = 0.5
"""Seconds that are owed at most: a hard beginning is forgiven."""


class Budget:
    """Counts the processor time of this process against `SHARE`."""

    def __init__(self) -> None:
        self._saved = MOST
        self._at = time.monotonic()
        self._used = time.process_time()

    def wait(self, *, urgent: bool = False) -> float:
        """Seconds until there is something to spend; 0 where there is."""
        now, used = time.monotonic(), time.process_time()
        saved = self._saved + SHARE * (now - self._at) - (used - self._used)
        self._saved = max(-DEBT, min(MOST, saved))
        self._at, self._used = now, used
        return max(0.0, -self._saved - (LENT if urgent else 0.0)) / SHARE
