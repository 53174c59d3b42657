"""Numbers of spreadsheets, as people write them."""

from __future__ import annotations

import pytest

from qctl.files.sheet_numbers import plain_number, rounded


@pytest.mark.parametrize(
    ("text", "delimiter", "expected"),
    [
        ("12.0", ",", "12"),
        ("12,00", ";", "12"),
        ("1.234,50", ";", "1234.50"),
        ("1,234.50", ",", "1234.50"),
        ("1,234", ",", "1234"),
        ("12,5", ",", "12.5"),
        ("19,90 €", ";", "19.90"),
        ("$ 19.90", ",", "19.90"),
        ("EUR 5", ",", "5"),
        ("1\u00a0234,5", ";", "1234.5"),
        ("1'234.50", ",", "1234.50"),
        ("1.234.567", ";", "1234567"),
        ("1.234", ";", "1.234"),
        ("-3", ",", "-3"),
        ("about 5", ",", "about 5"),
        ("", ",", ""),
        ("5-6", ",", "5-6"),
        ("1,2,3", ";", "1,2,3"),
        ("12,34.5", ",", "12,34.5"),
    ],
)
def test_numbers_are_read_by_their_separators(text: str, delimiter: str, expected: str) -> None:
    assert plain_number(text, decimal=None, delimiter=delimiter) == expected


def test_declared_decimal_separator_counts() -> None:
    assert plain_number("1.234", decimal=",", delimiter=";") == "1234"
    assert plain_number("1,234", decimal=",", delimiter=",") == "1.234"


def test_prices_are_rounded_half_up() -> None:
    assert [rounded(text, 4) for text in ("19.99995", "0.00004", "5", "x")] == ["20.0000", "0.0000", "5", "x"]
