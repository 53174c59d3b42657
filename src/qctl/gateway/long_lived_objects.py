"""Short pauses of the garbage collector, however many pages are connected.

A full collection visits every object that is not frozen. Those of 1,000 pages take 150 ms, in which no event is sent.
Therefore the survivors of a long collection are frozen (`gc.freeze`), and the next one visits only newer objects. A
frozen object is freed with its last reference unless it is part of a cycle, as half of the objects of a closed page
are. Such garbage is found when everything is collected, once twice as many objects are frozen: that stops the loop
for some tenths of a second, after hundreds of pages were closed.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Mapping
from typing import Any

THRESHOLDS = (700, 10, 3)
"""Thresholds of the collector. With Python's own, 70,000 new objects may await a full collection, which are 50 ms."""

MAX_PAUSE_SECONDS = 0.005
"""Time (s) of a full collection beyond which its survivors are frozen."""

FREEZES_PER_COUNT = 8
"""Times that survivors are frozen from one count of the frozen objects to the next: counting takes 1 ms or more."""

MIN_FROZEN_OBJECTS = 200_000
"""Everything is collected at twice as many frozen objects at the earliest. The gateway starts with 100,000."""


class LongLivedObjects:
    """Freezes objects of this process from `start` to `stop`, while `check` is called often."""

    def __init__(self) -> None:
        self._thresholds = gc.get_threshold()
        self._began = 0.0
        self._freezes = 0
        self._max_frozen = 2 * MIN_FROZEN_OBJECTS
        self._is_due = False

    def start(self) -> None:
        """Freeze what is loaded, and begin."""
        self._thresholds = gc.get_threshold()
        gc.set_threshold(*THRESHOLDS)
        gc.callbacks.append(self._note)
        gc.freeze()

    def stop(self) -> None:
        """Let the collector work as before."""
        gc.callbacks.remove(self._note)
        gc.set_threshold(*self._thresholds)
        gc.unfreeze()

    def check(self) -> None:
        """Collect everything if that is due."""
        if not self._is_due:
            return
        gc.unfreeze()
        gc.collect()
        gc.freeze()
        self._max_frozen = 2 * max(MIN_FROZEN_OBJECTS, gc.get_freeze_count())
        self._is_due = False

    def _note(self, phase: str, info: Mapping[str, Any]) -> None:
        """Note the begin or end of a collection, in whatever thread it runs."""
        if phase == "start":
            self._began = time.perf_counter()
        elif info["generation"] == 2 and time.perf_counter() - self._began > MAX_PAUSE_SECONDS:
            gc.freeze()
            self._freezes += 1
            if self._freezes % FREEZES_PER_COUNT == 0:
                self._is_due = gc.get_freeze_count() > self._max_frozen
