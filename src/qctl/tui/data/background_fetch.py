"""Work in threads, so that no page waits for it.

The threads are daemons rather than workers of Textual, which are joined at exit: leaving the monitor takes no time even
while Redis hangs.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from textual.message import Message

from qctl.errors import QctlError
from qctl.tui.messages import Fetched, FetchFailed

T = TypeVar("T")


def in_thread(work: Callable[[], object]) -> None:
    """Run a function that may wait for Redis."""
    threading.Thread(target=work, daemon=True).start()


def fetch(produce: Callable[[], T], then: Callable[[T], object], post: Callable[[Message], object]) -> None:
    """Produce a value in a thread, and post it together with `then`, or post the reason that it could not be
    produced."""

    def run() -> None:
        try:
            value = produce()
        except QctlError as error:
            post(FetchFailed(error.message + (f" ({error.hint})" if error.hint else "")))
        except Exception as error:  # noqa: BLE001 - a fault of one fetch: shown, and the monitor continues
            post(FetchFailed(f"internal error: {type(error).__name__}: {error}"))
        else:
            post(Fetched(value, then))

    in_thread(run)
