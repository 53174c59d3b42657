"""Parsing of thresholds."""

from __future__ import annotations

import pytest

from qctl import thresholds
from qctl.errors import UsageError
from qctl.models import Level, Threshold


@pytest.mark.parametrize(
    ("read", "text", "found"),
    [
        (thresholds.parse_age, "60s:300s", Threshold(60, 300)),
        (thresholds.parse_age, "5m", Threshold(None, 300)),
        (thresholds.parse_age, " 1m : 1h30m ", Threshold(60, 5400)),
        (thresholds.parse_count, "1000:5000", Threshold(1000, 5000)),
        (thresholds.parse_count, ":50", Threshold(None, 50)),
        (thresholds.parse_count, "50:", Threshold(50, None)),
        (thresholds.parse_count, "0", Threshold(None, 0)),
        (thresholds.parse_share, "5%:20%", Threshold(0.05, 0.2)),
        (thresholds.parse_share, "0.5 %", Threshold(None, 0.005)),
        (thresholds.parse_minimum, "2:1", Threshold(2, 1, is_minimum=True)),
        (thresholds.parse_minimum, "1", Threshold(None, 1, is_minimum=True)),
    ],
)
def test_thresholds_are_parsed(read: object, text: str, found: Threshold) -> None:
    assert callable(read)
    assert read(text, "--max") == found


@pytest.mark.parametrize(
    ("read", "text", "said"),
    [
        (thresholds.parse_age, "60:300", "--max: '60' has no unit"),
        (thresholds.parse_age, "60s:abc", "--max: 'abc' is not a duration"),
        (thresholds.parse_age, "5m:1m", "has a warning value above the critical value"),
        (thresholds.parse_count, "1:2:3", "'1:2:3' has more than two values"),
        (thresholds.parse_count, ":", "':' has no value"),
        (thresholds.parse_count, "", "'' has no value"),
        (thresholds.parse_count, "5k", "'5k' is not a whole number"),
        (thresholds.parse_count, "-1", "'-1' is not a whole number"),
        (thresholds.parse_count, "\u0663", "is not a whole number"),
        (thresholds.parse_share, "5", "'5' is not a percentage"),
        (thresholds.parse_share, "101%", "'101%' is not a percentage"),
        (thresholds.parse_minimum, "1:2", "has a warning value below the critical value"),
    ],
)
def test_invalid_thresholds_are_quoted(read: object, text: str, said: str) -> None:
    assert callable(read)
    with pytest.raises(UsageError) as problem:
        read(text, "--max")
    assert said in problem.value.message
    assert problem.value.message.startswith("--max: ")


@pytest.mark.parametrize(
    ("limit", "value", "level"),
    [
        (Threshold(1, 50), 1, Level.OK),
        (Threshold(1, 50), 1.5, Level.WARNING),
        (Threshold(1, 50), 51, Level.CRITICAL),
        (Threshold(None, 50), 50, Level.OK),
        (Threshold(2, 1, is_minimum=True), 2, Level.OK),
        (Threshold(2, 1, is_minimum=True), 1, Level.WARNING),
        (Threshold(2, 1, is_minimum=True), 0, Level.CRITICAL),
    ],
)
def test_values_beyond_a_limit_have_its_level(limit: Threshold, value: float, level: Level) -> None:
    assert limit.level_of(value) is level
