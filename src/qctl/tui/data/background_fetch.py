"""Getting one thing that somebody asked for, in a thread: what takes time keeps no screen waiting."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from textual.message import Message

from qctl.errors import QctlError
from qctl.tui.data.page_loader import in_thread
from qctl.tui.messages import Got, NotGot

Thing = TypeVar("Thing")


def fetch(produce: Callable[[], Thing], then: Callable[[Thing], object], tell: Callable[[Message], object]) -> None:
    """Get it, and tell that it is there and what goes on with it, or why it is not."""

    def get() -> None:
        try:
            found = produce()
        except QctlError as error:
            tell(NotGot(error.message + (f" ({error.hint})" if error.hint else "")))
        except Exception as error:  # noqa: BLE001 - what cannot be had is no reason to end
            tell(NotGot(f"internal error: {type(error).__name__}: {error}"))
        else:
            tell(Got(found, then))

    in_thread(get)
