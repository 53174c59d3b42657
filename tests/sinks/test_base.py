"""Isolation of bad rows by halving; reopening of sinks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qctl.errors import RejectedError, SinkUnavailableError
from qctl.sinks.base import Rejection, ReopeningSink, Row, Sink, isolate_rejected_rows, write_rows

batches = st.integers(0, 300).flatmap(
    lambda size: st.tuples(st.just(size), st.sets(st.integers(0, max(size - 1, 0)), max_size=size))
)


class Target:
    """A database that rejects batches with `bad` rows, and counts calls. It is down at the call `fails_at`."""

    def __init__(self, bad: set[int], fails_at: int = -1) -> None:
        self.bad = bad
        self.fails_at = fails_at
        self.calls = 0
        self.stored: list[int] = []

    def write(self, rows: Sequence[Row[int]]) -> list[Rejection]:
        self.calls += 1
        if self.calls == self.fails_at:
            raise SinkUnavailableError("down")
        bad = self.bad.intersection(row.value for row in rows)
        if bad:
            raise RejectedError(f"{len(bad)} bad")
        self.stored += [row.value for row in rows]
        return []


@given(batches)
def test_only_bad_rows_are_rejected_and_others_written_once_in_order(batch: tuple[int, set[int]]) -> None:
    size, bad = batch[0], {n for n in batch[1] if n < batch[0]}
    target = Target(bad)
    rejected = isolate_rejected_rows([Row(n + 7, n) for n in range(size)], target.write)
    assert rejected == [Rejection(n + 7, "1 bad") for n in sorted(bad)]
    assert target.stored == [n for n in range(size) if n not in bad]
    assert target.calls <= 1 + 2 * len(bad) * math.ceil(math.log2(max(size, 2)))


@given(batches, st.integers(1, 50))
def test_unavailable_target_ends_the_search(batch: tuple[int, set[int]], fails_at: int) -> None:
    target = Target(batch[1], fails_at)
    try:
        isolate_rejected_rows([Row(n, n) for n in range(batch[0])], target.write)
    except SinkUnavailableError:
        assert target.calls == fails_at
    else:
        assert target.calls < fails_at


def test_no_rows_cause_no_call() -> None:
    target = Target(set())
    assert isolate_rejected_rows([], target.write) == []
    assert target.calls == 0


def test_rejections_are_in_the_order_of_the_batch() -> None:
    def encode(item: int) -> int:
        if item == 3:
            raise RejectedError("cannot be encoded")
        return item

    def write(rows: Sequence[Row[int]]) -> list[Rejection]:
        if any(row.value == 4 for row in rows):
            raise RejectedError("poison")
        return [Rejection(row.index, "known") for row in rows if row.value == 5]

    assert write_rows([5, 4, 1, 3, 5], encode, write) == [
        Rejection(0, "known"),
        Rejection(1, "poison"),
        Rejection(3, "cannot be encoded"),
        Rejection(4, "known"),
    ]


class Recorder(Sink):
    """A sink that records its calls, and raises `fails`."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.fails: BaseException | None = None

    def open(self) -> None:
        self.calls.append("open")

    def write(self, batch: Sequence[Any]) -> list[Rejection]:
        self.calls.append("write")
        if self.fails:
            raise self.fails
        return []

    def check(self) -> None:
        self.calls.append("check")

    def close(self) -> None:
        self.calls.append("close")


@pytest.mark.parametrize("error", [SinkUnavailableError("down"), ValueError(), KeyboardInterrupt()])
def test_sink_is_closed_after_any_error(error: BaseException) -> None:
    recorder = Recorder()
    sink = ReopeningSink(recorder)
    sink.write([])
    recorder.fails = error
    with pytest.raises(type(error)):
        sink.write([])
    assert recorder.calls == ["open", "write", "open", "write", "close"]
