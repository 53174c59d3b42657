"""Finding the bad rows of a batch by halving; keeping a sink open."""

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
    """A database that refuses a batch for `bad` rows in it, and counts. `fails_at` is the call at which it is down."""

    def __init__(self, bad: set[int], fails_at: int = -1) -> None:
        self.bad = bad
        self.fails_at = fails_at
        self.calls = 0
        self.stored: list[int] = []

    def write(self, rows: Sequence[Row[int]]) -> list[Rejection]:
        self.calls += 1
        if self.calls == self.fails_at:
            raise SinkUnavailableError("down")
        found = self.bad.intersection(row.value for row in rows)
        if found:
            raise RejectedError(f"{len(found)} bad")
        self.stored += [row.value for row in rows]
        return []


@given(batches)
def test_exactly_the_bad_rows_are_refused_and_the_rest_is_written_once_in_order(batch: tuple[int, set[int]]) -> None:
    size, bad = batch[0], {n for n in batch[1] if n < batch[0]}
    target = Target(bad)
    refused = isolate_rejected_rows([Row(n + 7, n) for n in range(size)], target.write)
    assert refused == [Rejection(n + 7, "1 bad") for n in sorted(bad)]
    assert target.stored == [n for n in range(size) if n not in bad]
    assert target.calls <= 1 + 2 * len(bad) * math.ceil(math.log2(max(size, 2)))


@given(batches, st.integers(1, 50))
def test_a_target_that_goes_down_ends_it_at_once(batch: tuple[int, set[int]], fails_at: int) -> None:
    target = Target(batch[1], fails_at)
    try:
        isolate_rejected_rows([Row(n, n) for n in range(batch[0])], target.write)
    except SinkUnavailableError:
        assert target.calls == fails_at
    else:
        assert target.calls < fails_at


def test_no_rows_are_no_call() -> None:
    target = Target(set())
    assert isolate_rejected_rows([], target.write) == []
    assert target.calls == 0


def test_refusals_of_all_three_kinds_come_in_the_order_of_the_batch() -> None:
    def form(item: int) -> int:
        if item == 3:
            raise RejectedError("no form")
        return item

    def write(rows: Sequence[Row[int]]) -> list[Rejection]:
        if any(row.value == 4 for row in rows):
            raise RejectedError("poison")
        return [Rejection(row.index, "known") for row in rows if row.value == 5]

    assert write_rows([5, 4, 1, 3, 5], form, write) == [
        Rejection(0, "known"),
        Rejection(1, "poison"),
        Rejection(3, "no form"),
        Rejection(4, "known"),
    ]


class Recorder(Sink):
    """A sink that writes down what is done with it, and fails when told."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.fails: BaseException | None = None

    def open(self) -> None:
        self.done.append("open")

    def write(self, batch: Sequence[Any]) -> list[Rejection]:
        self.done.append("write")
        if self.fails:
            raise self.fails
        return []

    def check(self) -> None:
        self.done.append("check")

    def close(self) -> None:
        self.done.append("close")


@pytest.mark.parametrize("error", [SinkUnavailableError("down"), ValueError(), KeyboardInterrupt()])
def test_a_kept_sink_is_closed_after_any_error(error: BaseException) -> None:
    recorder = Recorder()
    kept = ReopeningSink(recorder)
    kept.write([])
    recorder.fails = error
    with pytest.raises(type(error)):
        kept.write([])
    assert recorder.done == ["open", "write", "open", "write", "close"]
