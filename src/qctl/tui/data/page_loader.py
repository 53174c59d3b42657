"""Reading a page in a thread: one reading at a time, soon after something happened, as often as the budget bears.

Threads are daemons and none of Textual's workers, which are joined at the end: leaving takes no time, even while Redis
hangs.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

from textual.message import Message

from qctl.errors import QctlError
from qctl.tui.data.cpu_budget import SHARE, Budget
from qctl.tui.data.monitor_data import MonitorData
from qctl.tui.messages import Loaded, NotLoaded

SOONEST = 0.05
"""Seconds between two readings at least, however much happens."""

LATEST = 1.0
"""Seconds between the beginnings of two readings at most, though nothing happens, or much more than can be shown; more
where one takes so much of a processor that it would be no more than the budget's share of that."""

NEWS = 0.25
"""How much a reading counts against those before it: one that is dear now and then delays nobody."""

EARLY = 0.01
"""Seconds by which a timer may be early."""


class Readable(Protocol):
    """A page, as far as the loader needs it."""

    def read(self, data: MonitorData) -> Any:
        """Read everything that the page shows. Called in a thread."""


class Reader:
    """`tell` posts a message from any thread; `later` calls something in so many seconds."""

    def __init__(
        self,
        source: MonitorData,
        tell: Callable[[Message], object],
        later: Callable[[float, Callable[[], None]], object],
    ) -> None:
        self._source = source
        self._tell = tell
        self._later = later
        self._budget = Budget()
        self._serial = 0
        self._busy = self._again = self._urgent = False
        self._began = self._read_at = self._cost = 0.0
        self._due: float | None = None
        self._waiting: Readable | None = None

    def want(self, page: Readable, *, urgent: bool = False) -> None:
        """Read it, as soon as may be; sooner where it is urgent: somebody did something."""
        self._urgent |= urgent
        if self._busy:
            self._again = True
            return
        now = time.monotonic()
        latest = self._began + max(LATEST, self._cost / SHARE) - now
        left = max(self._read_at + SOONEST - now, min(latest, self._budget.wait(urgent=self._urgent)))
        if left <= 0:
            self._start(page)
        elif urgent or self._due is None:
            self._due, self._waiting = time.monotonic() + left, page
            self._later(left, self._waited)

    def want_now(self, page: Readable) -> None:
        """Read it at once; what is being read is not of interest any more."""
        self._start(page)

    def arrived(self, serial: int) -> bool:
        """A reading is over. Whether it is the one that was asked for last."""
        if serial != self._serial:
            return False
        self._busy = False
        self._read_at = time.monotonic()
        return True

    def go_on(self, page: Readable) -> None:
        """Read again, where something happened during the reading."""
        if self._again:
            self.want(page)

    def _waited(self) -> None:
        if self._due is None or self._waiting is None or time.monotonic() < self._due - EARLY:
            return  # it was read meanwhile
        self._due = None
        self.want(self._waiting)

    def _start(self, page: Readable) -> None:
        self._again = self._urgent = False
        self._busy, self._due = True, None
        self._began = time.monotonic()
        self._serial += 1
        in_thread(lambda serial=self._serial: self._read(page, serial))  # type: ignore[misc]

    def _read(self, page: Readable, serial: int) -> None:
        began = time.thread_time()
        try:
            data = page.read(self._source)
            self._cost += (time.thread_time() - began - self._cost) * NEWS
        except QctlError as error:
            self._tell(NotLoaded(serial, error))
        except Exception as error:  # noqa: BLE001 - a fault of one screen: it says so, the others go on
            self._tell(NotLoaded(serial, QctlError(f"internal error: {type(error).__name__}: {error}")))
        else:
            self._tell(Loaded(serial, page, data))


def in_thread(work: Callable[[], object]) -> None:
    """Do something that may wait for Redis."""
    threading.Thread(target=work, daemon=True).start()
