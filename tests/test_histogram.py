"""Percentiles of histograms."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qctl.histogram import ACCURACY, BUCKET_RANGE, MAX_SECONDS, MIN_SECONDS, Histogram, bucket


def of(*durations: float) -> Histogram:
    return Histogram.merged(Histogram({bucket(seconds): 1}) for seconds in durations)


@given(st.lists(st.floats(MIN_SECONDS, MAX_SECONDS), min_size=1, max_size=200), st.integers(0, 100))
def test_percentile_is_accurate(durations: list[float], percent: int) -> None:
    percentile = of(*durations).percentile(percent)
    expected = sorted(durations)[int(percent / 100 * (len(durations) - 1))]
    assert percentile == pytest.approx(expected, rel=ACCURACY * 1.001)


@given(st.lists(st.floats(0, 1e12)), st.lists(st.floats(0, 1e12)))
def test_merge_adds_counts(first: list[float], second: list[float]) -> None:
    assert dict((of(*first) + of(*second)).counts) == dict(of(*first, *second).counts)
    assert (of(*first) + of(*second)).count == len(first) + len(second)


@given(st.floats(allow_nan=False))
def test_every_duration_has_a_bucket_in_range(seconds: float) -> None:
    assert BUCKET_RANGE[0] <= bucket(seconds) <= BUCKET_RANGE[1]


def test_range_begins_and_ends_with_the_limits() -> None:
    assert (bucket(MIN_SECONDS), bucket(MAX_SECONDS)) == BUCKET_RANGE


def test_empty_histogram_has_no_percentile() -> None:
    assert Histogram().percentile(95) is None
