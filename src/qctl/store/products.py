"""Parses products from job arguments, lines of files, and other systems.

A missing field is None; the stored product then keeps its value.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from qctl.errors import RejectedError

MAX_SKU_CHARACTERS = 64
MAX_NAME_CHARACTERS = 200
"""Maximum lengths: those of the columns."""

MAX_QUANTITY = 10**12
"""Maximum pieces of a product."""

PRICE_LIMIT = Decimal(10**10)
PRICE_DECIMALS = 4
"""Limits of a price that the column can store exactly, also in SQLite."""

ITEM_FIELDS = ("sku", "name", "quantity", "threshold", "price")

_CONTROL_CHARACTERS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_INTEGER = re.compile(r"[+-]?[0-9]{1,15}")


@dataclass(frozen=True)
class StockItem:
    """A product with its quantity. Stock is low if `quantity` is at most `threshold`."""

    sku: str
    quantity: int
    name: str | None = None
    threshold: int | None = None
    price: Decimal | None = None


def parse_item(fields: Any) -> StockItem:
    """The product in a mapping; other fields are ignored. Raises RejectedError if a field is invalid.

    Numbers may be text, as in files; empty text counts as missing.
    """
    if not isinstance(fields, Mapping):
        raise RejectedError("it is not an object {sku, quantity}")
    sku = fields.get("sku")
    quantity = _number("quantity", fields.get("quantity"))
    if quantity is None:
        raise RejectedError("quantity is missing")
    if isinstance(sku, int) and not isinstance(sku, bool):
        sku = str(sku)
    sku_text = _text("sku", sku, MAX_SKU_CHARACTERS)
    if sku_text is None:
        raise RejectedError("sku is missing")
    return StockItem(
        sku_text,
        quantity,
        _text("name", fields.get("name"), MAX_NAME_CHARACTERS),
        _number("threshold", fields.get("threshold")),
        _price(fields.get("price")),
    )


def _text(field: str, value: Any, max_characters: int) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise RejectedError(f"{field} is not text")
    if len(text := value.strip()) > max_characters:
        raise RejectedError(f"{field} is longer than {max_characters} characters")
    if _CONTROL_CHARACTERS.search(text):
        raise RejectedError(f"{field} contains a control character")
    return text or None


def _number(field: str, value: Any) -> int | None:
    if isinstance(value, str):
        value = value.strip()
        if not value:
            return None
        value = int(value) if _INTEGER.fullmatch(value) else value
    elif isinstance(value, float) and value.is_integer():
        value = int(value)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MAX_QUANTITY:
        raise RejectedError(f"{field} is not a whole number from 0 to {MAX_QUANTITY}")
    return value


def _price(value: Any) -> Decimal | None:
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    try:
        price = Decimal(value.strip() if isinstance(value, str) else str(value))
        exact = not isinstance(value, bool) and price == round(price, PRICE_DECIMALS)
    except (InvalidOperation, ValueError):
        exact = False
    if not exact or not 0 <= price < PRICE_LIMIT:
        raise RejectedError(f"price is not a number from 0 to {PRICE_LIMIT} with at most {PRICE_DECIMALS} decimals")
    return price
