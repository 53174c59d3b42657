"""Numbers in texts: decimal commas and units, and what only looks like them."""

from __future__ import annotations

import pytest

from qctl.sources.measured_text import number_with_comma, split_unit


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("21,5", 21.5),
        ("-0,125", -0.125),
        ("0,125", 0.125),
        ("1,234", None),
        ("21,500", None),
        ("1234,500", 1234.5),
        ("1,2,3", None),
        ("007,5", None),
        (",5", None),
        ("21,", None),
    ],
)
def test_a_comma_is_decimal_unless_it_may_separate_thousands(text: str, number: float | None) -> None:
    assert number_with_comma(text) == number


@pytest.mark.parametrize(
    ("text", "measured"),
    [
        ("1013.25 hPa", (1013.25, "hPa")),
        ("21,5 °C", (21.5, "°C")),
        ("21.5C", (21.5, "C")),
        ("-3 °C", (-3, "°C")),
        ("55%", (55, "%")),
        ("1013\u00a0hPa", (1013, "hPa")),
        ("5A", None),
        ("12E4", None),
        ("3 doors", None),
        ("1,234 W", None),
        ("hPa", None),
        ("1013.25", None),
        ("", None),
        (" ", None),
        ("1 " + "h" * 100, None),
    ],
)
def test_a_unit_is_split_off_only_if_it_is_known(text: str, measured: tuple[float, str] | None) -> None:
    assert split_unit(text) == measured
