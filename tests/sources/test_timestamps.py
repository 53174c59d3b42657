"""Timestamps of devices, and their nanoseconds."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qctl.errors import RejectedError
from qctl.sources.timestamps import MAX_NANOSECONDS, nanoseconds

NOON = 1_714_557_600_000_000_000  # 2024-05-01T10:00:00Z


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (1_714_557_600, NOON),
        (1_714_557_600_000, NOON),
        (1_714_557_600_000_000, NOON),
        (1_714_557_600_000_000_000, NOON),
        ("1714557600", NOON),
        (" 1714557600000 ", NOON),
        (1_714_557_600.25, NOON + 250_000_000),
        (1_714_557_600.123456, NOON + 123_456_000),
        ("1714557600.123456789", NOON + 123_456_789),
        (1_714_557_600_000.5, NOON + 500_000),
        ("2024-05-01T10:00:00Z", NOON),
        ("2024-05-01T10:00:00z", NOON),
        ("2024-05-01T10:00:00", NOON),
        ("2024-05-01 10:00", NOON),
        ("2024-05-01T12:00:00+02:00", NOON),
        ("2024-05-01T04:30:00-0530", NOON),
        ("2024-05-01T12:00:00+02", NOON),
        ("2024-05-01T10:00:00.123Z", NOON + 123_000_000),
        ("2024-05-01T10:00:00,1", NOON + 100_000_000),
        ("2024-05-01T10:00:00.123456789Z", NOON + 123_456_789),
        ("2024-05-01T10:00:00.1234567891234Z", NOON + 123_456_789),
        ("2016-12-31T23:59:60Z", 1_483_228_800_000_000_000),
        ("1970-01-01T00:00:00Z", 0),
        (0, 0),
        ("2262-04-11T23:47:16.854775807Z", MAX_NANOSECONDS),
        (MAX_NANOSECONDS, MAX_NANOSECONDS),
    ],
)
def test_what_is_understood(given: Any, expected: int) -> None:
    assert nanoseconds(given) == expected


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (-1, "not between"),
        (MAX_NANOSECONDS + 1, "not between"),
        (9_999_999_999, "not between"),  # seconds: the year 2286
        (float("inf"), "not between"),
        (1e300, "not between"),
        ("1969-12-31T23:59:59Z", "not between"),
        ("2262-04-11T23:47:17Z", "not between"),
        ("1970-01-01T00:00:00+01:00", "not between"),
        ("9999-12-31T23:59:59Z", "not between"),
        ("2024-13-01T10:00:00Z", "not an existing date and time"),
        ("2024-02-30T10:00:00Z", "not an existing date and time"),
        ("2024-05-01T24:00:00Z", "not an existing date and time"),
        ("0000-05-01T10:00:00Z", "not an existing date and time"),
        ("2024-05-01T10:00:61Z", "not an existing date and time"),
        ("2024-05-01T10:00:00+24:00", "not an existing date and time"),
        ("2024-05-01T10:00:00+01:60", "not an existing date and time"),
        ("yesterday", "neither"),
        ("", "neither"),
        ("1e9", "neither"),
        ("-5", "neither"),
        ("1" * 20, "neither"),
        ("٢٠٢٤", "neither"),
        ("2024-05-01", "neither"),
        ("2024-05-01T10:00:00Z\n2024", "neither"),
        (True, "neither"),
        ([1], "neither"),
        ({}, "neither"),
    ],
)
def test_what_is_refused(given: Any, reason: str) -> None:
    with pytest.raises(RejectedError, match=reason):
        nanoseconds(given)


@given(
    st.datetimes(min_value=datetime(1970, 1, 2), max_value=datetime(2262, 4, 10)),
    st.integers(min_value=-14 * 60, max_value=14 * 60),
)
def test_any_iso_time_with_a_zone_is_the_time_it_says(moment: datetime, minutes: int) -> None:
    aware = moment.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    since = aware - datetime(1970, 1, 1, tzinfo=timezone.utc)
    if since >= timedelta(0):
        assert nanoseconds(aware.isoformat()) == since // timedelta(microseconds=1) * 1000


@given(st.integers(min_value=10_000_000, max_value=9_223_372_036))
def test_the_unit_of_a_number_is_told_by_its_size(second: int) -> None:
    """From April 1970 to 2262 a time means the same in each of the four units."""
    assert {nanoseconds(second * factor) for factor in (1, 10**3, 10**6, 10**9)} == {second * 10**9}
