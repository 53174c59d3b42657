"""Values by minute: the largest of each, gaps where nothing was seen, nothing older than the span."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from qctl.tui.data.minute_values import MinuteValues

NOON = datetime(2026, 11, 22, 12, 0, 59, tzinfo=timezone.utc)


def after(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def test_the_largest_value_of_each_minute_is_kept_and_others_are_gaps() -> None:
    seen = MinuteValues(4)
    for at, value in ((0, 3.0), (-0.5, 7.0), (0, 5.0), (2, 0.0), (2.2, 1.0)):
        seen.record(after(at), value)
    assert seen.values == [7.0, None, 0.0, 1.0]
    assert [seen.value_of(after(at)) for at in (-0.9, 1, 2)] == [7.0, None, 0.0]


def test_minutes_that_are_no_longer_or_not_yet_are_dropped() -> None:
    seen = MinuteValues(2)
    for at in (0, 1, 2):
        seen.record(after(at), float(at))
    assert seen.values == [1.0, 2.0]
    seen.record(after(1), 9.0)  # a recording was sought back
    assert seen.values == [None, 9.0]
    assert seen.value_of(after(2)) is None
