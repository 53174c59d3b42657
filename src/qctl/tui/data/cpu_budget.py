"""Limits the processor time of the monitor, which stays open for days beside the system that it watches."""

from __future__ import annotations

import time

CPU_SHARE = 0.07
"""Share of one core that the monitor may use in the long run, for events, reads and drawing."""

MAX_SAVED_SECONDS = 0.2
"""Processor time (s) saved up while little happens, so that the next change is shown at once."""

URGENT_CREDIT_SECONDS = 0.4
"""Processor time (s) that an urgent read may overdraw: more than a read of 1,000 queues takes."""

MAX_DEBT_SECONDS = 0.5
"""Largest debt (s): the cost of an expensive start beyond it is forgiven."""


class CpuBudget:
    """Counts the processor time of this process against `CPU_SHARE`."""

    def __init__(self) -> None:
        self._saved = MAX_SAVED_SECONDS
        self._at = time.monotonic()
        self._used = time.process_time()

    def delay(self, *, urgent: bool = False) -> float:
        """Return the seconds until the budget allows a read, 0 if it does now."""
        now, used = time.monotonic(), time.process_time()
        saved = self._saved + CPU_SHARE * (now - self._at) - (used - self._used)
        self._saved = max(-MAX_DEBT_SECONDS, min(MAX_SAVED_SECONDS, saved))
        self._at, self._used = now, used
        return max(0.0, -self._saved - (URGENT_CREDIT_SECONDS if urgent else 0.0)) / CPU_SHARE
