"""Messages from threads to the app. Only their handlers touch widgets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from textual.message import Message

from qctl.errors import QctlError
from qctl.models import Event
from qctl.tui.actions import Action, ActionResult


@dataclass
class EventsReceived(Message):
    """Events of the stream; none if nothing happened for a second, which shows that Redis answers."""

    events: Sequence[Event]


@dataclass
class RedisLost(Message):
    """Redis does not answer. The next attempt is in `seconds`."""

    error: QctlError
    seconds: float


@dataclass
class PageLoaded(Message):
    """A page was read. `page` identifies it, `serial` is the number of this read."""

    serial: int
    page: object
    data: Any


@dataclass
class PageFailed(Message):
    """A page could not be read."""

    serial: int
    error: QctlError


@dataclass
class ActionProgressed(Message):
    """Progress of the running action; `total` is None if it is unknown. `state` replaces the numbers."""

    action: Action
    done: int
    total: int | None
    state: str = ""

    @property
    def text(self) -> str:
        """The progress in words."""
        if self.state:
            return f"{self.state}   (x stops it)"
        of = f" of {self.total}" if self.total is not None else ""
        return f"{self.action.title}: {self.done}{of}   (x stops it)"

    def can_replace(self, message: Message) -> bool:
        """Drop older progress that is still in the message queue."""
        return isinstance(message, ActionProgressed)


@dataclass
class ActionEnded(Message):
    """An action ended, with a result or an error."""

    result: ActionResult | None
    error: str | None

    @property
    def text(self) -> str:
        """The end in words."""
        if self.result is None:
            return f"not done: {self.error}"
        undo = "   (U undoes it)" if self.result.undo else ""
        return f"{'done' if self.result.complete else 'done in part'}: {self.result.message}{undo}"


@dataclass
class Fetched(Message):
    """A value was produced in a thread; `then` continues with it."""

    value: Any
    then: Callable[[Any], object]


@dataclass
class FetchFailed(Message):
    """A value could not be produced."""

    reason: str
