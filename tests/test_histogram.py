"""Percentiles of durations that were counted in buckets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qctl.histogram import ACCURACY, BUCKET_RANGE, MAX_SECONDS, MIN_SECONDS, Histogram, bucket


def of(*durations: float) -> Histogram:
    return Histogram.merged(Histogram({bucket(seconds): 1}) for seconds in durations)


@given(st.lists(st.floats(MIN_SECONDS, MAX_SECONDS), min_size=1, max_size=200), st.integers(0, 100))
def test_a_percentile_is_one_of_the_durations_but_for_the_accuracy(durations: list[float], percent: int) -> None:
    found = of(*durations).percentile(percent)
    true = sorted(durations)[int(percent / 100 * (len(durations) - 1))]
    assert found == pytest.approx(true, rel=ACCURACY * 1.001)


@given(st.lists(st.floats(0, 1e12)), st.lists(st.floats(0, 1e12)))
def test_merging_adds_up(some: list[float], more: list[float]) -> None:
    assert dict((of(*some) + of(*more)).counts) == dict(of(*some, *more).counts)
    assert (of(*some) + of(*more)).count == len(some) + len(more)


@given(st.floats(allow_nan=False))
def test_every_duration_has_a_bucket_of_the_range(seconds: float) -> None:
    assert BUCKET_RANGE[0] <= bucket(seconds) <= BUCKET_RANGE[1]


def test_the_range_is_that_of_the_shortest_and_the_longest() -> None:
    assert (bucket(MIN_SECONDS), bucket(MAX_SECONDS)) == BUCKET_RANGE


def test_of_nothing_there_is_no_percentile() -> None:
    assert Histogram().percentile(95) is None
