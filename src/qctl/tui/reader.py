"""Reading a page in a thread: one reading at a time, soon after something happened, and never too often.

Threads are daemons and none of Textual's workers, which are joined at the end: leaving takes no time, even while Redis
hangs.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from textual.message import Message

from qctl.errors import QctlError
from qctl.tui.messages import Loaded, NotLoaded
from qctl.tui.page import Page

if TYPE_CHECKING:
    from qctl.ops import Ops

SOONEST = 0.05
"""Seconds between two readings at least, however much happens."""

SHARE = 12
"""Seconds between two readings for each second that one takes: it costs less than a tenth of a core."""

LATEST = 1.0
"""Seconds between two readings at most, though nothing happens."""


class Reader:
    """`tell` posts a message from any thread; `later` calls something in so many seconds."""

    def __init__(
        self, ops: Ops, tell: Callable[[Message], object], later: Callable[[float, Callable[[], None]], object]
    ) -> None:
        self._ops = ops
        self._tell = tell
        self._later = later
        self._serial = 0
        self._busy = self._waits = self._again = False
        self._due = 0.0

    def want(self, page: Page) -> None:
        """Read it, as soon as may be."""
        if self._busy:
            self._again = True
            return
        left = self._due - time.monotonic()
        if left <= 0:
            self._start(page)
        elif not self._waits:
            self._waits = True
            self._later(left, lambda: self._waited(page))

    def want_now(self, page: Page) -> None:
        """Read it at once; what is being read is not of interest any more."""
        self._start(page)

    def arrived(self, serial: int, cost: float) -> bool:
        """A reading is over, and took so many seconds. Whether it is the one that was asked for last."""
        if serial != self._serial:
            return False
        self._busy = False
        self._due = time.monotonic() + min(LATEST, max(SOONEST, SHARE * cost))
        return True

    def go_on(self, page: Page) -> None:
        """Read again, where something happened during the reading."""
        if self._again:
            self.want(page)

    def _waited(self, page: Page) -> None:
        self._waits = False
        self.want(page)

    def _start(self, page: Page) -> None:
        self._again, self._busy = False, True
        self._serial += 1
        in_thread(lambda serial=self._serial: self._read(page, serial))  # type: ignore[misc]

    def _read(self, page: Page, serial: int) -> None:
        began = time.monotonic()
        try:
            data = page.read(self._ops)
        except QctlError as error:
            self._tell(NotLoaded(serial, error))
        except Exception as error:  # noqa: BLE001 - a fault of one screen: it says so, the others go on
            self._tell(NotLoaded(serial, QctlError(f"internal error: {type(error).__name__}: {error}")))
        else:
            self._tell(Loaded(serial, page, data, time.monotonic() - began))


def in_thread(work: Callable[[], object]) -> None:
    """Do something that may wait for Redis."""
    threading.Thread(target=work, daemon=True).start()
