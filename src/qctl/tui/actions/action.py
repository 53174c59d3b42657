"""What an act is: what it means, how the command line says it, what it did, and how it is undone."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass

from qctl.models import Progress

_NOUNS = frozenset({"job", "dlq", "trash", "queue", "schedule"})
"""Words of the command line that a verb follows."""


@dataclass(frozen=True)
class Done:
    """What an act did, and the act that undoes it, None where nothing does. `well` is False where some of it failed."""

    said: str
    undo: Act | None = None
    well: bool = True


@dataclass(frozen=True)
class Act:
    """Something that changes Redis. `words` are the command line that does the same, without `qctl`.

    `consequence` is what follows, with its count. `confirm` is what has to be typed first, nothing where nothing has.
    """

    title: str
    consequence: str
    words: tuple[str, ...]
    run: Callable[[Progress], Done]
    confirm: str = ""

    @property
    def line(self) -> str:
        """The command line that does the same."""
        return shlex.join(("qctl", *self.words))

    @property
    def command(self) -> str:
        """What the audit calls it."""
        return " ".join(("qctl", *self.words[: 2 if self.words[0] in _NOUNS else 1]))
