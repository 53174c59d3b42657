"""Numbers in spreadsheets, written as people write them: `1.234,50`, `1,234.50`, `12.0`, `1 234`, `19,90 €`."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal

_SPACES = re.compile("[\\s\u00a0\u202f'\u2019]")
_CURRENCY = re.compile(r"^(?:[$€£¥]|[A-Z]{3}(?![A-Za-z]))|(?:[$€£¥]|(?<![A-Za-z])(?:[A-Z]{3}|kr|zł))$")
_GROUPED = re.compile(r"[+-]?[0-9]{1,3}(?:[.,][0-9]{3})+")
"""A whole number with separators of thousands."""
_NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?")


def plain_number(text: str, *, decimal: str | None, delimiter: str) -> str:
    """The number as Python writes it, or the text unchanged if it is none.

    `decimal` is the declared decimal separator. Without it, the last of both separators is the decimal one; a comma
    alone is the decimal one if it does not delimit cells, or if it does not stand before three digits; a point alone
    always is. `1.234` is 1.234, so declare a comma for files in which it is 1234.
    """
    number = _SPACES.sub("", _CURRENCY.sub("", text.strip()))
    point = decimal or _decimal_separator(number, delimiter)
    thousands = "," if point == "." else "."
    if thousands in number and not _GROUPED.fullmatch(number.partition(point)[0]):
        return text
    number = number.replace(thousands, "").replace(point, ".")
    if not _NUMBER.fullmatch(number):
        return text
    whole, _, fraction = number.partition(".")
    return number if fraction.strip("0") else whole


def _decimal_separator(number: str, delimiter: str) -> str:
    if "." in number and "," in number:
        return max(".,", key=number.rindex)
    if number.count(",") != 1:
        return "." if number.count(".") <= 1 else ","
    is_thousands = delimiter == "," and len(number.partition(",")[2]) == 3
    return "." if is_thousands else ","


def rounded(number: str, decimals: int) -> str:
    """A number with at most so many decimals, halves rounded away from zero; other text unchanged."""
    if not _NUMBER.fullmatch(number) or len(number.partition(".")[2]) <= decimals or len(number) > 60:
        return number
    return str(Decimal(number).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP))
