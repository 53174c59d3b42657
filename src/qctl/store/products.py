"""What a product is when somebody tells of it: a job's argument, a line of a file, another system.

What is not told is None, and stays as it is where the product is known already.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from qctl.errors import RejectedError

LONGEST_SKU = 64
LONGEST_NAME = 200
"""Characters: the columns of the table."""

MOST = 10**12
"""Pieces of one product."""

DEAREST = Decimal(10**10)
DECIMALS = 4
"""Of a price: what the column holds exactly, in SQLite too."""

FIELDS = ("sku", "name", "quantity", "threshold", "price")

_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_WHOLE = re.compile(r"[+-]?[0-9]{1,15}")


@dataclass(frozen=True)
class Item:
    """A product and how many of it there are. `threshold` is from how few on it is running out."""

    sku: str
    quantity: int
    name: str | None = None
    threshold: int | None = None
    price: Decimal | None = None


def item(told: Any) -> Item:
    """The product that an object tells of; what else is in it is passed over. Raises RejectedError with what is wrong.

    Numbers may be text, as files have them; empty text is nothing told.
    """
    if not isinstance(told, Mapping):
        raise RejectedError("it is not an object {sku, quantity}")
    sku = told.get("sku")
    quantity = _number("quantity", told.get("quantity"))
    if quantity is None:
        raise RejectedError("quantity is missing")
    if isinstance(sku, int) and not isinstance(sku, bool):
        sku = str(sku)
    found = _text("sku", sku, LONGEST_SKU)
    if found is None:
        raise RejectedError("sku is missing")
    return Item(
        found,
        quantity,
        _text("name", told.get("name"), LONGEST_NAME),
        _number("threshold", told.get("threshold")),
        _price(told.get("price")),
    )


def _text(field: str, value: Any, longest: int) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise RejectedError(f"{field} is not text")
    if len(text := value.strip()) > longest:
        raise RejectedError(f"{field} is longer than {longest} characters")
    if _UNSEEN.search(text):
        raise RejectedError(f"{field} has a control character in it")
    return text or None


def _number(field: str, value: Any) -> int | None:
    if isinstance(value, str):
        value = value.strip()
        if not value:
            return None
        value = int(value) if _WHOLE.fullmatch(value) else value
    elif isinstance(value, float) and value.is_integer():
        value = int(value)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MOST:
        raise RejectedError(f"{field} is not a whole number from 0 to {MOST}")
    return value


def _price(value: Any) -> Decimal | None:
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    try:
        price = Decimal(value.strip() if isinstance(value, str) else str(value))
        exact = not isinstance(value, bool) and price == round(price, DECIMALS)
    except (InvalidOperation, ValueError):
        exact = False
    if not exact or not 0 <= price < DEAREST:
        raise RejectedError(f"price is not a number from 0 on with at most {DECIMALS} decimals")
    return price
