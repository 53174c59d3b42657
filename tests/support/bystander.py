"""Measures how long a server that is attacked lets others wait, in processor time.

Seconds of a clock depend on what else the machine does. Processor time that the server's event loop spends between a
request and its answer does not: on a quiet machine it is what the client waits.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

PAUSE_SECONDS = 0.02
"""Pause between two requests of a bystander."""


def loop_seconds(pid: int) -> float:
    """Processor time of a process's main thread, which runs its event loop."""
    return int(Path(f"/proc/{pid}/task/{pid}/schedstat").read_text().split()[0]) / 1e9


class Bystander:
    """Sends requests one after another, until it is left, and notes what each had to wait for."""

    def __init__(self, pid: int, request: Callable[[], object]) -> None:
        self._pid = pid
        self._request = request
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._error: Exception | None = None
        self.waits: list[float] = []
        """Processor time (s) of the event loop between each request and its answer."""
        self.seconds: list[float] = []
        """The same by the clock, for people."""

    def longest(self) -> float:
        """The longest processor time of a wait."""
        return max(self.waits)

    def p99(self, waits: list[float]) -> float:
        """The wait that one in a hundred exceeds."""
        return sorted(waits)[int(len(waits) * 0.99)]

    def _run(self) -> None:
        try:
            while not self.waits or not self._stop.wait(PAUSE_SECONDS):
                spent, began = loop_seconds(self._pid), time.monotonic()
                self._request()
                self.waits.append(loop_seconds(self._pid) - spent)
                self.seconds.append(time.monotonic() - began)
        except Exception as error:  # noqa: BLE001 - raised in the test's thread
            self._error = error

    def __enter__(self) -> Bystander:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        if self._error is not None and error is None:
            raise self._error
