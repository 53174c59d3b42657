"""Stock of businesses, and its changes.

A change is applied completely or not at all, and once if it has a key, so that a caller can repeat it. Each change of a
quantity is recorded as a movement with the current price; sales are computed from movements.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import uuid4

from qctl.settings import Settings
from qctl.store import sql
from qctl.store.products import StockItem
from qctl.store.sql import Database, TableSchema, Transaction, format_time, parse_time

ROWS_PER_TRANSACTION = 500
"""Maximum products of one transaction, and of one read."""

CHANGE_KEY_RETENTION = timedelta(days=30)
"""Time for which keys of applied changes are kept. Dead letters are not retried later than that."""

INVENTORY = TableSchema(
    "inventory",
    """
    business_id VARCHAR(64)    NOT NULL,
    sku         VARCHAR(64)    NOT NULL,
    name        VARCHAR(200),
    quantity    BIGINT         NOT NULL,
    threshold   BIGINT,
    price       DECIMAL(14, 4),
    alerted_on  VARCHAR(10),
    updated_at  DATETIME(6)    NOT NULL,
    PRIMARY KEY (business_id, sku)
    """,
)
MOVEMENTS = TableSchema(
    "stock_movements",
    """
    business_id VARCHAR(64)    NOT NULL,
    at          DATETIME(6)    NOT NULL,
    id          VARCHAR(32)    NOT NULL,
    sku         VARCHAR(64)    NOT NULL,
    pieces      BIGINT         NOT NULL,
    price       DECIMAL(14, 4),
    source      VARCHAR(32)    NOT NULL,
    PRIMARY KEY (business_id, at, id)
    """,
)
APPLIED = TableSchema("stock_applied", "id VARCHAR(128) NOT NULL PRIMARY KEY, at DATETIME(6) NOT NULL")
SYNCS = TableSchema(
    "stock_syncs",
    """
    business_id VARCHAR(64) NOT NULL,
    source      VARCHAR(64) NOT NULL,
    begun_at    DATETIME(6) NOT NULL,
    PRIMARY KEY (business_id, source)
    """,
)

_COLUMNS = "business_id, sku, name, quantity, threshold, price, updated_at"


@dataclass(frozen=True)
class Product:
    """A stored product."""

    business: str
    sku: str
    name: str | None
    quantity: int
    threshold: int | None
    price: Decimal | None
    updated_at: datetime


@dataclass(frozen=True)
class Movement:
    """A change of stock: pieces added (positive) or removed, and the price of a piece at that time, if known."""

    at: datetime
    sku: str
    pieces: int
    price: Decimal | None


def open_database(settings: Settings) -> AbstractContextManager[Database]:
    """The database with the tables of this module."""
    return sql.open_database(settings, INVENTORY, MOVEMENTS, APPLIED, SYNCS)


# --- changing -------------------------------------------------------------------------------------------------------


def apply_items(
    db: Database, business: str, items: Sequence[StockItem], *, source: str, key: str | None = None
) -> bool:
    """Apply a change to products, completely or not at all. The last of items with the same sku counts.

    Returns False if a change with this `key` was applied before; then nothing is done. `source` is recorded.
    """

    def work(transaction: Transaction) -> bool:
        now = format_time(datetime.now(timezone.utc))
        if key is not None:
            if transaction.select("SELECT 1 FROM stock_applied WHERE id = ?", (key,)):
                return False
            transaction.write("INSERT INTO stock_applied (id, at) VALUES (?, ?)", [(key, now)])
        _write_items(transaction, business, {item.sku: item for item in items}, source, now)
        return True

    return db.run(work)


_INSERT = """
INSERT INTO inventory (name, quantity, threshold, price, updated_at, business_id, sku) VALUES (?, ?, ?, ?, ?, ?, ?)
"""
_UPDATE = """
UPDATE inventory SET name = ?, quantity = ?, threshold = ?, price = ?, updated_at = ? WHERE business_id = ? AND sku = ?
"""
_MOVE = """
INSERT INTO stock_movements (business_id, at, id, sku, pieces, price, source) VALUES (?, ?, ?, ?, ?, ?, ?)
"""


def _write_items(transaction: Transaction, business: str, items: dict[str, StockItem], source: str, now: str) -> None:
    ordered = [items[sku] for sku in sorted(items)]  # in one order, so that concurrent writers do not deadlock
    before = _lock_products(transaction, business, [item.sku for item in ordered])
    written: dict[str, list[tuple[Any, ...]]] = {_INSERT: [], _UPDATE: [], _MOVE: []}
    for item in ordered:
        old = before.get(item.sku)
        new = item if old is None else _merge(item, old)
        price = None if new.price is None else format(new.price, "f")
        row = (new.name, new.quantity, new.threshold, price, now, business, new.sku)
        written[_INSERT if old is None else _UPDATE].append(row)
        pieces = new.quantity - (old.quantity if old else 0)
        if pieces:
            written[_MOVE].append((business, now, uuid4().hex, new.sku, pieces, price, source))
    for statement, params in written.items():
        if params:
            transaction.write(statement, params)


def _merge(item: StockItem, old: Product) -> StockItem:
    """The item, with the stored values for fields that it lacks."""
    return replace(
        item,
        name=old.name if item.name is None else item.name,
        threshold=old.threshold if item.threshold is None else item.threshold,
        price=old.price if item.price is None else item.price,
    )


def _lock_products(transaction: Transaction, business: str, skus: Sequence[str]) -> dict[str, Product]:
    if not skus:
        return {}
    placeholders, lock = ", ".join("?" * len(skus)), transaction.lock_clause
    statement = f"SELECT {_COLUMNS} FROM inventory WHERE business_id = ? AND sku IN ({placeholders}){lock}"  # noqa: S608
    rows = transaction.select(statement, (business, *skus))
    return {product.sku: product for product in map(_parse_product, rows)}


def delete_old_change_keys(db: Database) -> None:
    """Delete keys of changes that are older than CHANGE_KEY_RETENTION."""
    before = format_time(datetime.now(timezone.utc) - CHANGE_KEY_RETENTION)
    db.run(lambda transaction: transaction.write("DELETE FROM stock_applied WHERE at < ?", [(before,)]))


# --- reading --------------------------------------------------------------------------------------------------------


def read_products(
    db: Database, business: str, since: datetime | None = None, until: datetime | None = None
) -> Iterator[Product]:
    """The products of a business by sku; optionally those that were updated from `since` on and before `until`."""
    statement = (
        f"SELECT {_COLUMNS} FROM inventory WHERE business_id = ? AND sku > ? AND updated_at >= ? AND updated_at < ?"  # noqa: S608
        " ORDER BY sku LIMIT ?"
    )
    after = ""
    while rows := db.select(statement, (business, after, *_span(since, until), ROWS_PER_TRANSACTION)):
        yield from map(_parse_product, rows)
        after = rows[-1][1]


def read_movements(
    db: Database, business: str, since: datetime | None = None, until: datetime | None = None
) -> Iterator[Movement]:
    """The movements of a business, oldest first."""
    statement = (
        "SELECT at, id, sku, pieces, price FROM stock_movements"
        " WHERE business_id = ? AND at < ? AND (at > ? OR (at = ? AND id > ?)) ORDER BY at, id LIMIT ?"
    )
    first, last = _span(since, until)
    after = (first, first, "")
    while rows := db.select(statement, (business, last, *after, ROWS_PER_TRANSACTION)):
        for at, _, sku, pieces, price in rows:
            yield Movement(parse_time(at), sku, int(pieces), _decimal(price))
        last_at = format_time(parse_time(rows[-1][0]))
        after = (last_at, last_at, rows[-1][1])


def find_low_stock(db: Database, business: str | None, default: int, today: str) -> list[Product]:
    """Up to ROWS_PER_TRANSACTION products with low stock and no alert `today`. `default` is for missing thresholds."""
    where = "quantity <= COALESCE(threshold, ?) AND (alerted_on IS NULL OR alerted_on <> ?)"
    of_business, params = (" AND business_id = ?", (business,)) if business is not None else ("", ())
    statement = f"SELECT {_COLUMNS} FROM inventory WHERE {where}{of_business} ORDER BY business_id, sku LIMIT ?"  # noqa: S608
    rows = db.select(statement, (default, today, *params, ROWS_PER_TRANSACTION))
    return [_parse_product(row) for row in rows]


def record_alerted(db: Database, products: Sequence[Product], today: str) -> None:
    """Record that an alert for these products was sent."""
    rows = [(today, product.business, product.sku) for product in products]
    statement = "UPDATE inventory SET alerted_on = ? WHERE business_id = ? AND sku = ?"
    db.run(lambda transaction: transaction.write(statement, rows))


def last_sync(db: Database, business: str, source: str) -> datetime | None:
    """Start of the last complete synchronisation with a source, None if there was none."""
    rows = db.select("SELECT begun_at FROM stock_syncs WHERE business_id = ? AND source = ?", (business, source))
    return parse_time(rows[0][0]) if rows else None


def record_sync(db: Database, business: str, source: str, begun_at: datetime) -> None:
    """Record that a synchronisation that began at `begun_at` is complete."""

    def work(transaction: Transaction) -> None:
        transaction.write("DELETE FROM stock_syncs WHERE business_id = ? AND source = ?", [(business, source)])
        statement = "INSERT INTO stock_syncs (business_id, source, begun_at) VALUES (?, ?, ?)"
        transaction.write(statement, [(business, source, format_time(begun_at))])

    db.run(work)


def _span(since: datetime | None, until: datetime | None) -> tuple[str, str]:
    return format_time(since) if since else "1000-01-01", format_time(until) if until else "9999-12-31"


def _parse_product(row: Sequence[Any]) -> Product:
    business, sku, name, quantity, threshold, price, updated = row
    minimum = None if threshold is None else int(threshold)
    return Product(business, sku, name, int(quantity), minimum, _decimal(price), parse_time(updated))


def _decimal(value: Any) -> Decimal | None:
    """A stored price. SQLite stores a float, whose shortest text is the exact price."""
    return None if value is None else Decimal(str(value)).normalize() + 0
