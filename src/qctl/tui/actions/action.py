"""Base of the actions: a title, a consequence, the equal command line, the call, its result, and its undo."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

_GROUPS = frozenset({"job", "flow", "dlq", "trash", "queue", "schedule", "worker", "note", "daemon"})
"""Command groups: in these the second word of a command line belongs to the command."""


class ActionProgress(Protocol):
    """Tells how far an action is. Both raise an exception that ends the action if the user stopped it."""

    def __call__(self, done: int, total: int | None) -> None:
        """Tell that `done` of `total` items are done; None if the total is unknown."""

    def say(self, text: str, done: int, total: int | None) -> None:
        """Tell a state in words, and its numbers."""


@dataclass(frozen=True)
class ActionResult:
    """The result of an action, and the action that undoes it, None if there is none. `complete` is False if a part of
    it failed."""

    message: str
    undo: Action | None = None
    complete: bool = True


@dataclass(frozen=True)
class Action:
    """A change in Redis. `arguments` are the words of the equal command line after `qctl`.

    `consequence` says what will happen to how many jobs. `confirm` is the text to type first, empty if none is needed.
    An action that `is_watched` is followed in a window, because somebody decides by what happens.
    """

    title: str
    consequence: str
    arguments: tuple[str, ...]
    run: Callable[[ActionProgress], ActionResult]
    confirm: str = ""
    is_watched: bool = False

    @property
    def command_line(self) -> str:
        """The command line that does the same."""
        return shlex.join(("qctl", *self.arguments))

    @property
    def command(self) -> str:
        """The command without its arguments, as the audit names it."""
        return " ".join(("qctl", *self.arguments[: 2 if self.arguments[0] in _GROUPS else 1]))
