"""Loads pages in a thread: one read at a time, soon after a change, as often as the processor budget allows."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol

from textual.message import Message

from qctl.errors import QctlError
from qctl.tui.data.background_fetch import in_thread
from qctl.tui.data.cpu_budget import CPU_SHARE, CpuBudget
from qctl.tui.data.monitor_data import MonitorData
from qctl.tui.messages import PageFailed, PageLoaded

MIN_INTERVAL_SECONDS = 0.05
"""Shortest time (s) between two reads, however much happens."""

MAX_INTERVAL_SECONDS = 1.0
"""Longest time (s) between the starts of two reads, even if nothing happens or there is more than can be shown. It is
longer if a read costs so much that the budget's share would not pay for it."""

COST_WEIGHT = 0.25
"""Weight of the last read in the average cost, so that a single expensive read delays nothing."""

TIMER_TOLERANCE_SECONDS = 0.01
"""Time (s) by which a timer may fire early."""


class Readable(Protocol):
    """A page, as far as the loader needs it."""

    def read(self, data: MonitorData) -> Any:
        """Read everything that the page shows. Called in a thread."""


class PageLoader:
    """Reads pages. `post` posts a message from any thread; `later` calls a function after some seconds."""

    def __init__(
        self,
        data: MonitorData,
        post: Callable[[Message], object],
        later: Callable[[float, Callable[[], None]], object],
    ) -> None:
        self._data = data
        self._post = post
        self._later = later
        self._budget = CpuBudget()
        self._serial = 0
        self._busy = self._again = self._urgent = False
        self._began = self._loaded_at = self._cost = 0.0
        self._due: float | None = None
        self._waiting: Readable | None = None

    def request(self, page: Readable, *, urgent: bool = False) -> None:
        """Load a page as soon as the budget allows; sooner if it is urgent, because an operator acted."""
        self._urgent |= urgent
        if self._busy:
            self._again = True
            return
        now = time.monotonic()
        latest = self._began + max(MAX_INTERVAL_SECONDS, self._cost / CPU_SHARE) - now
        delay = min(latest, self._budget.delay(urgent=self._urgent))
        delay = max(self._loaded_at + MIN_INTERVAL_SECONDS - now, delay)
        if delay <= 0:
            self._start(page)
        elif urgent or self._due is None:
            self._due, self._waiting = time.monotonic() + delay, page
            self._later(delay, self._on_timer)

    def load_now(self, page: Readable) -> None:
        """Load a page at once. A read that is running becomes obsolete."""
        self._start(page)

    def finish(self, serial: int) -> bool:
        """Note that a read ended. Returns False if it is obsolete."""
        if serial != self._serial:
            return False
        self._busy = False
        self._loaded_at = time.monotonic()
        return True

    def load_again_if_requested(self, page: Readable) -> None:
        """Load a page again if that was requested during the last read."""
        if self._again:
            self.request(page)

    def _on_timer(self) -> None:
        if self._due is None or self._waiting is None or time.monotonic() < self._due - TIMER_TOLERANCE_SECONDS:
            return  # the page was loaded meanwhile
        self._due = None
        self.request(self._waiting)

    def _start(self, page: Readable) -> None:
        self._again = self._urgent = False
        self._busy, self._due = True, None
        self._began = time.monotonic()
        self._serial += 1
        in_thread(lambda serial=self._serial: self._read(page, serial))  # type: ignore[misc]

    def _read(self, page: Readable, serial: int) -> None:
        began = time.thread_time()
        try:
            data = page.read(self._data)
            self._cost += (time.thread_time() - began - self._cost) * COST_WEIGHT
        except QctlError as error:
            self._post(PageFailed(serial, error))
        except Exception as error:  # noqa: BLE001 - a fault of one page: shown there, and the others continue
            self._post(PageFailed(serial, QctlError(f"internal error: {type(error).__name__}: {error}")))
        else:
            self._post(PageLoaded(serial, page, data))
