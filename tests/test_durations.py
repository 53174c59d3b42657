"""Durations as people type them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qctl import durations, view
from qctl.errors import UsageError


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("30m", 1800),
        ("1h30m", 5400),
        ("2d", 172_800),
        ("1w", 604_800),
        ("0s", 0),
        ("1.5h", 5400),
        ("500ms", 0.5),
        (" 1H 30M ", 5400),
    ],
)
def test_what_is_understood(text: str, seconds: float) -> None:
    assert durations.parse(text, "--for") == seconds


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("30x", "--for: '30x' has a unit other than"),
        ("1h30x", "--for: '30x' in '1h30x' has a unit other than"),
        ("30", "--for: '30' has no unit"),
        ("1h30", "--for: '30' in '1h30' has no unit"),
        ("soon", "--for: 'soon' is not a duration"),
        ("-5m", "--for: '-5m' is not a duration"),
        ("30m1h", "--for: '1h' in '30m1h' comes after a shorter or equal unit"),
        ("1h1h", "--for: '1h' in '1h1h' comes after"),
        ("1..5h", "--for: '1' in '1..5h' has no unit"),
        ("", "--for is empty"),
        ("  ", "--for is empty"),
        ("11y", "has a unit other than"),
        ("999999999999w", "is longer than ten years"),
        ("٣m", "is not a duration"),
    ],
)
def test_what_is_not_is_quoted(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=re.escape(said)) as caught:
        durations.parse(text, "--for")
    assert caught.value.hint == "write it like 90s, 30m, 1h30m or 2d"


def test_a_shortest_duration() -> None:
    assert durations.parse("1s", "--for", min_seconds=1) == 1
    with pytest.raises(UsageError, match="shorter than 1s"):
        durations.parse("0s", "--for", min_seconds=1)


@given(st.integers(0, int(durations.MAX_SECONDS)))
def test_reads_what_qctl_writes(seconds: int) -> None:
    """It writes two units, and cuts off what is less than the second."""
    shown = view.duration(seconds)
    cut_off = 3600 if "d" in shown else 60 if "h" in shown else 1
    assert 0 <= seconds - durations.parse(shown, "--for") < cut_off


@given(st.lists(st.tuples(st.integers(0, 400), st.sampled_from(list(durations.UNITS))), min_size=1, max_size=6))
def test_is_the_sum_of_its_parts_in_falling_order(parts: list[tuple[int, str]]) -> None:
    order = list(durations.UNITS)
    text = "".join(f"{number}{unit}" for number, unit in parts)
    total = sum(number * durations.UNITS[unit] for number, unit in parts)
    places = [order.index(unit) for _, unit in parts]
    if places == sorted(set(places)) and total <= durations.MAX_SECONDS:
        assert durations.parse(text, "--for") == pytest.approx(total)
    else:
        with pytest.raises(UsageError):
            durations.parse(text, "--for")


@given(st.text(max_size=20))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        seconds = durations.parse(text, "--for")
    except UsageError as error:
        assert error.message.startswith("--for")  # noqa: PT017 - either outcome is right
    else:
        assert 0 <= seconds <= durations.MAX_SECONDS
