"""The interface of sinks, and how a batch is written if its target rejects some of its rows.

A target that takes a batch as a whole reports only that it contains a bad row. Halving the batch finds the bad rows:
the other rows are written in order, and each bad row is rejected with its own reason.
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
class Rejection:
    """A row that cannot be stored. `index` is its position in the batch.

    `reason` is one line. Values of the row are in quotes after a colon, so that dead letters can be grouped by cause.
    """

    index: int
    reason: str


@dataclass(frozen=True)
class Row(Generic[T]):
    """One item of a batch, encoded for the target. `index` is the item's position in the batch."""

    index: int
    value: T


class Sink(ABC):
    """A database that stores batches of items.

    One thread uses a sink at a time, calls `open` before the first `write`, and none after `close`; so no sink needs a
    lock. Every sink guarantees:

    - `write` returns when the batch is stored durably, its rows in the order of the batch.
    - `write` can be repeated with all or some of the rows at any time: each is stored once.
    - A row is rejected only because of its content. No row is changed or dropped silently.
    - After an error, part of the batch may be stored. Close the sink, open it, and write the whole batch again.

    All methods raise SinkUnavailableError if the target is down or busy and the batch should wait, and
    SinkMisconfiguredError if a person must act first. Any other error is a defect.
    """

    @abstractmethod
    def open(self) -> None:
        """Prepare to write. Does nothing if the sink is open."""

    @abstractmethod
    def write(self, batch: Sequence[Any]) -> list[Rejection]:
        """Store all items except for those that it returns, in the order of the batch."""

    @abstractmethod
    def check(self) -> None:
        """Check that the target can be written to, without writing. The sink need not be open.

        Raises as the other methods. A successful check does not guarantee that rows are accepted.
        """

    @abstractmethod
    def close(self) -> None:
        """Release everything. Does nothing if the sink is closed. Raises nothing, because it is called after errors."""


class ReopeningSink:
    """Keeps a sink open between batches, and reopens it after an error."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink

    def write(self, batch: Sequence[Any]) -> list[Rejection]:
        """Open the sink if necessary, and write."""
        began, name = time.monotonic(), type(self._sink).__name__
        try:
            self._sink.open()
            rejected = self._sink.write(batch)
        except BaseException as error:
            log.debug("%s failed on a batch of %d: %s; reopening it", name, len(batch), type(error).__name__)
            self._sink.close()
            raise
        log.debug(
            "%s wrote a batch of %d in %.1f ms and rejected %d of it",
            *(name, len(batch), (time.monotonic() - began) * 1000, len(rejected)),
        )
        return rejected

    def check(self) -> None:
        """Check that the target can be written to."""
        try:
            self._sink.check()
        except BaseException:
            self._sink.close()
            raise

    def close(self) -> None:
        """Close the sink; the next batch opens it again."""
        self._sink.close()


def write_rows(
    batch: Sequence[Any], encode: Callable[[Any], T], write: Callable[[Sequence[Row[T]]], Iterable[Rejection]]
) -> list[Rejection]:
    """Write a batch and return the rejected items in its order.

    `encode` encodes an item for the target, or raises RejectedError. `write` is that of `isolate_rejected_rows`.
    """
    rows: list[Row[T]] = []
    rejected: list[Rejection] = []
    for index, item in enumerate(batch):
        try:
            rows.append(Row(index, encode(item)))
        except RejectedError as error:
            rejected.append(Rejection(index, error.message))
    rejected += isolate_rejected_rows(rows, write)
    return sorted(rejected, key=lambda row: row.index)


def isolate_rejected_rows(
    rows: Sequence[Row[T]], write: Callable[[Sequence[Row[T]]], Iterable[Rejection]]
) -> list[Rejection]:
    """Write all rows except for bad ones, and return these.

    `write` stores the rows and returns those that the target rejected by themselves. It raises RejectedError if the
    target rejects the rows as a whole. It may get rows again that are stored. With k bad rows of n, it is called at
    most 1 + 2k * ceil(log2 n) times. Any other error ends the search; rows that were not tried are not written.
    """
    if not rows:
        return []
    try:
        return list(write(rows))
    except RejectedError as error:
        if len(rows) == 1:
            return [Rejection(rows[0].index, error.message)]
    middle = len(rows) // 2
    return isolate_rejected_rows(rows[:middle], write) + isolate_rejected_rows(rows[middle:], write)
