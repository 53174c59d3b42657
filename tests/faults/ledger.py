"""The books of a trial: what was attempted, what was acknowledged, what arrived, and whether that agrees."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Arrived:
    """Items that arrived: copies of each number in the sink, and among the dead letters; and those on their way."""

    stored: Counter[int] = field(default_factory=Counter)
    dead: Counter[int] = field(default_factory=Counter)
    waiting: Counter[int] = field(default_factory=Counter)
    """Copies in the buffer and in batch jobs that have not ended: late, but not lost."""

    @property
    def all(self) -> Counter[int]:
        """Sink and dead letters."""
        return self.stored + self.dead


class Ledger:
    """The books of one kind of message; they are told apart by their numbers. Threads may write at once."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._lock = threading.Lock()
        self._good: set[int] = set()
        self._bad: set[int] = set()
        self._acknowledged: set[int] = set()

    def attempt(self, number: int, *, good: bool = True) -> None:
        """It is about to be sent. A bad one is to become a dead letter."""
        with self._lock:
            (self._good if good else self._bad).add(number)

    def acknowledge(self, numbers: Iterable[int]) -> None:
        """Record items that were acknowledged, or refused without retry."""
        with self._lock:
            self._acknowledged.update(numbers)

    @property
    def attempted(self) -> set[int]:
        """All that was sent, or tried."""
        with self._lock:
            return self._good | self._bad

    @property
    def acknowledged(self) -> set[int]:
        """All that nobody sends again."""
        with self._lock:
            return set(self._acknowledged)

    def balanced(self, arrived: Arrived) -> bool:
        """True if as many arrived as were acknowledged."""
        return len(arrived.all) >= len(self.acknowledged)

    def objections(self, arrived: Arrived) -> list[str]:
        """Objections, one line each; none if every acknowledged message is there once, and nothing else is."""
        there, attempted = arrived.all, self.attempted
        found = {
            "acknowledged and lost": self.acknowledged - there.keys() - arrived.waiting.keys(),
            "acknowledged and still waiting": self.acknowledged & arrived.waiting.keys() - there.keys(),
            "there more than once": {n for n, times in there.items() if times > 1},
            "there and never sent": there.keys() - attempted,
            "good, and a dead letter": arrived.dead.keys() & self._good,
            "bad, and in the sink": arrived.stored.keys() & self._bad,
        }
        if not attempted or len(self.acknowledged) < len(attempted):
            found["sent and never acknowledged"] = attempted - self.acknowledged or {0}
        return [f"{self.name} {what}: {_some(numbers)}" for what, numbers in found.items() if numbers]

    def __str__(self) -> str:
        with self._lock:
            sent, bad = len(self._good) + len(self._bad), len(self._bad)
            return f"{sent} {self.name} sent ({bad} of them bad), {len(self._acknowledged)} acknowledged"


def _some(numbers: Iterable[int]) -> str:
    listed = sorted(numbers)
    return f"{len(listed)} ({', '.join(map(str, listed[:10]))}{', ...' if len(listed) > 10 else ''})"
