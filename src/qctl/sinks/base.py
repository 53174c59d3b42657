"""What every sink promises, and how a batch is written around the rows that its target refuses.

A target that takes a batch as a whole says of a bad one only that something in it is bad. Halving finds the bad
rows: the rest is written, in its order, and each bad row is refused by itself, with its own reason.
"""

from __future__ import annotations

import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from qctl.errors import RejectedError

log = logging.getLogger(__name__)
T = TypeVar("T")


@dataclass(frozen=True)
class Refused:
    """A row that cannot be stored as it is. `index` is its place in the batch.

    `reason` is one line. What is particular to the row stands in quotes behind a colon, so that dead letters can be
    grouped by cause.
    """

    index: int
    reason: str


@dataclass(frozen=True)
class Row(Generic[T]):
    """One item of a batch in the form that the target takes. `index` is the item's place in the batch."""

    index: int
    form: T


class Sink(ABC):
    """A database that takes batches of items.

    Who uses it keeps to this: one thread at a time, `open` before the first `write`, none after `close`; so no sink
    needs a lock. What a sink keeps to:

    - `write` returns when the batch is stored for good, its rows in the order of the batch.
    - It can be called again with the same rows, or with some of them, at any time: each is there once.
    - It refuses a row for what is in the row only. It never changes or drops one in silence.
    - After an error part of the batch may be stored. Close the sink, open it, and write the whole batch again.

    All verbs raise SinkUnavailableError where the target is down or busy, so that the batch should wait, and
    SinkMisconfiguredError where it refuses us until somebody acts. What else they raise is a defect.
    """

    @abstractmethod
    def open(self) -> None:
        """Get ready to write. Nothing happens where it is open."""

    @abstractmethod
    def write(self, batch: Sequence[Any]) -> list[Refused]:
        """Store all items but those that it returns, which are in the order of the batch."""

    @abstractmethod
    def check(self) -> None:
        """Ask the target whether it could be written to, and write nothing. It need not be open.

        Raises as the others do. That rows would be taken is not promised.
        """

    @abstractmethod
    def close(self) -> None:
        """Let go of everything. Nothing happens where it is closed. Raises nothing: it is called after errors."""


class KeptOpen:
    """A sink that stays open from batch to batch, and is opened anew after an error."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink

    def write(self, batch: Sequence[Any]) -> list[Refused]:
        """Open the sink where it is not, and write."""
        began, name = time.monotonic(), type(self._sink).__name__
        try:
            self._sink.open()
            refused = self._sink.write(batch)
        except BaseException as error:
            log.debug("%s takes no batch of %d: %s; it is opened anew", name, len(batch), type(error).__name__)
            self._sink.close()
            raise
        log.debug(
            "%s took a batch of %d in %.1f ms, and refused %d of it",
            *(name, len(batch), (time.monotonic() - began) * 1000, len(refused)),
        )
        return refused

    def check(self) -> None:
        """Ask the target whether it could be written to."""
        try:
            self._sink.check()
        except BaseException:
            self._sink.close()
            raise

    def close(self) -> None:
        """Close it; the next batch opens it."""
        self._sink.close()


def write_rows(
    batch: Sequence[Any], form: Callable[[Any], T], write: Callable[[Sequence[Row[T]]], Iterable[Refused]]
) -> list[Refused]:
    """Write a batch and return the items that were refused, in its order.

    `form` makes of an item what the target takes, and raises RejectedError where it cannot. `write` stores rows, as
    `isolate` wants it.
    """
    rows: list[Row[T]] = []
    refused: list[Refused] = []
    for index, item in enumerate(batch):
        try:
            rows.append(Row(index, form(item)))
        except RejectedError as error:
            refused.append(Refused(index, error.message))
    refused += isolate(rows, write)
    return sorted(refused, key=lambda row: row.index)


def isolate(rows: Sequence[Row[T]], write: Callable[[Sequence[Row[T]]], Iterable[Refused]]) -> list[Refused]:
    """Write all rows but the bad ones, and return those.

    `write` stores what it is given, or raises RejectedError where something in it is refused and it cannot tell
    what; rows that it can tell are refused it returns, and stores the others. It may be given again a row that is
    stored. With k bad rows of n it is called at most 1 + 2k * ceil(log2 n) times. Whatever else it raises ends this
    at once: what was not tried yet is not written.
    """
    if not rows:
        return []
    try:
        return list(write(rows))
    except RejectedError as error:
        if len(rows) == 1:
            return [Refused(rows[0].index, error.message)]
    middle = len(rows) // 2
    return isolate(rows[:middle], write) + isolate(rows[middle:], write)
