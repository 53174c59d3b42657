"""What threads tell the app. Only handlers of these touch widgets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from textual.message import Message

from qctl.errors import QctlError
from qctl.models import Event
from qctl.tui.actions import Act, Done


@dataclass
class Happened(Message):
    """Events came, or none within a second, which shows that Redis is there."""

    events: Sequence[Event]


@dataclass
class Away(Message):
    """Redis does not answer, and is asked again in so many seconds."""

    error: QctlError
    seconds: float


@dataclass
class Loaded(Message):
    """A page was read. `page` identifies it, `serial` is the number of this read."""

    serial: int
    page: object
    data: Any


@dataclass
class NotLoaded(Message):
    """A page could not be read."""

    serial: int
    error: QctlError


@dataclass
class Progressed(Message):
    """How far an act is."""

    act: Act
    done: int
    total: int | None

    @property
    def told(self) -> str:
        """It in words."""
        of = f" of {self.total}" if self.total is not None else ""
        return f"{self.act.title}: {self.done}{of}   (x stops it)"

    def can_replace(self, message: Message) -> bool:
        """Of many only the last is of interest."""
        return isinstance(message, Progressed)


@dataclass
class Ended(Message):
    """An act is over: done, or with an error."""

    act: Act
    done: Done | None
    error: str | None

    @property
    def told(self) -> str:
        """It in words."""
        if self.done is None:
            return f"not done: {self.error}"
        undone = "   (U undoes it)" if self.done.undo else ""
        return f"{'done' if self.done.well else 'done in part'}: {self.done.said}{undone}"


@dataclass
class Got(Message):
    """Something that was asked for is there; `then` goes on with it."""

    found: Any
    then: Callable[[Any], object]


@dataclass
class NotGot(Message):
    """It is not, and why."""

    why: str
