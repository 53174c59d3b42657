"""The stock of every business, and how it changed.

A change is applied whole or not at all, and once: who may have to send it again gives a key for it. Each one of a
quantity is written down as a movement with the price of that moment, which is what sales are reckoned from.
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
from qctl.store.products import Item
from qctl.store.sql import Database, Rows, Table, moment, stamp

AT_ONCE = 500
"""Products of one transaction, and of one read."""

REMEMBER = timedelta(days=30)
"""How long keys of applied changes are kept: longer than anybody retries a dead letter."""

INVENTORY = Table(
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
MOVEMENTS = Table(
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
APPLIED = Table("stock_applied", "id VARCHAR(128) NOT NULL PRIMARY KEY, at DATETIME(6) NOT NULL")
SYNCS = Table(
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
    """A product as it is kept."""

    business: str
    sku: str
    name: str | None
    quantity: int
    threshold: int | None
    price: Decimal | None
    updated_at: datetime


@dataclass(frozen=True)
class Movement:
    """Pieces that came (positive) or went, and the price of one at that moment, where it was known."""

    at: datetime
    sku: str
    pieces: int
    price: Decimal | None


def opened(settings: Settings) -> AbstractContextManager[Database]:
    """The database with these tables in it."""
    return sql.opened(settings, INVENTORY, MOVEMENTS, APPLIED, SYNCS)


# --- changing -------------------------------------------------------------------------------------------------------


def apply(db: Database, business: str, items: Sequence[Item], *, source: str, key: str | None = None) -> bool:
    """Set these products to what is told of them, all or none; of two with the same sku the later one counts.

    False where a change of this `key` was applied already: nothing is done then. `source` is written down.
    """

    def act(rows: Rows) -> bool:
        now = stamp(datetime.now(timezone.utc))
        if key is not None:
            if rows.all("SELECT 1 FROM stock_applied WHERE id = ?", (key,)):
                return False
            rows.write("INSERT INTO stock_applied (id, at) VALUES (?, ?)", [(key, now)])
        _set(rows, business, {each.sku: each for each in items}, source, now)
        return True

    return db.run(act)


_INSERT = """
INSERT INTO inventory (name, quantity, threshold, price, updated_at, business_id, sku) VALUES (?, ?, ?, ?, ?, ?, ?)
"""
_UPDATE = """
UPDATE inventory SET name = ?, quantity = ?, threshold = ?, price = ?, updated_at = ? WHERE business_id = ? AND sku = ?
"""
_MOVE = """
INSERT INTO stock_movements (business_id, at, id, sku, pieces, price, source) VALUES (?, ?, ?, ?, ?, ?, ?)
"""


def _set(rows: Rows, business: str, items: dict[str, Item], source: str, now: str) -> None:
    told = [items[sku] for sku in sorted(items)]  # in one order, so that two who write wait instead of deadlocking
    before = _locked(rows, business, [each.sku for each in told])
    written: dict[str, list[tuple[Any, ...]]] = {_INSERT: [], _UPDATE: [], _MOVE: []}
    for each in told:
        old = before.get(each.sku)
        new = each if old is None else _over(each, old)
        price = None if new.price is None else format(new.price, "f")
        row = (new.name, new.quantity, new.threshold, price, now, business, new.sku)
        written[_INSERT if old is None else _UPDATE].append(row)
        pieces = new.quantity - (old.quantity if old else 0)
        if pieces:
            written[_MOVE].append((business, now, uuid4().hex, new.sku, pieces, price, source))
    for statement, params in written.items():
        if params:
            rows.write(statement, params)


def _over(told: Item, old: Product) -> Item:
    """What is told, and of the rest what was known."""
    return replace(
        told,
        name=old.name if told.name is None else told.name,
        threshold=old.threshold if told.threshold is None else told.threshold,
        price=old.price if told.price is None else told.price,
    )


def _locked(rows: Rows, business: str, skus: Sequence[str]) -> dict[str, Product]:
    if not skus:
        return {}
    places = ", ".join("?" * len(skus))
    statement = f"SELECT {_COLUMNS} FROM inventory WHERE business_id = ? AND sku IN ({places}){rows.lock}"  # noqa: S608 - places only
    return {found.sku: found for found in map(_product, rows.all(statement, (business, *skus)))}


def forget_applied(db: Database) -> None:
    """Forget the keys of changes that are older than `REMEMBER`."""
    before = stamp(datetime.now(timezone.utc) - REMEMBER)
    db.run(lambda rows: rows.write("DELETE FROM stock_applied WHERE at < ?", [(before,)]))


# --- reading --------------------------------------------------------------------------------------------------------


def products(
    db: Database, business: str, since: datetime | None = None, until: datetime | None = None
) -> Iterator[Product]:
    """The products of a business by sku, those that were updated from `since` on and before `until`."""
    statement = (
        f"SELECT {_COLUMNS} FROM inventory WHERE business_id = ? AND sku > ? AND updated_at >= ? AND updated_at < ?"  # noqa: S608
        " ORDER BY sku LIMIT ?"
    )
    after = ""
    while found := db.all(statement, (business, after, *_span(since, until), AT_ONCE)):
        yield from map(_product, found)
        after = found[-1][1]


def movements(
    db: Database, business: str, since: datetime | None = None, until: datetime | None = None
) -> Iterator[Movement]:
    """What came and went, oldest first."""
    statement = (
        "SELECT at, id, sku, pieces, price FROM stock_movements"
        " WHERE business_id = ? AND at < ? AND (at > ? OR (at = ? AND id > ?)) ORDER BY at, id LIMIT ?"
    )
    first, last = _span(since, until)
    after = (first, first, "")
    while found := db.all(statement, (business, last, *after, AT_ONCE)):
        for at, _, sku, pieces, price in found:
            yield Movement(moment(at), sku, int(pieces), _decimal(price))
        place = stamp(moment(found[-1][0]))
        after = (place, place, found[-1][1])


def running_out(db: Database, business: str | None, default: int, today: str) -> list[Product]:
    """Some products that run out and were not alerted of `today`; `default` is the threshold of those without one."""
    where = "quantity <= COALESCE(threshold, ?) AND (alerted_on IS NULL OR alerted_on <> ?)"
    mine, params = (" AND business_id = ?", (business,)) if business is not None else ("", ())
    statement = f"SELECT {_COLUMNS} FROM inventory WHERE {where}{mine} ORDER BY business_id, sku LIMIT ?"  # noqa: S608
    return [_product(row) for row in db.all(statement, (default, today, *params, AT_ONCE))]


def alerted(db: Database, found: Sequence[Product], today: str) -> None:
    """Note that it was alerted of these products."""
    rows_ = [(today, each.business, each.sku) for each in found]
    statement = "UPDATE inventory SET alerted_on = ? WHERE business_id = ? AND sku = ?"
    db.run(lambda rows: rows.write(statement, rows_))


def synced(db: Database, business: str, source: str) -> datetime | None:
    """When the last whole synchronisation with a source began, None where there was none."""
    found = db.all("SELECT begun_at FROM stock_syncs WHERE business_id = ? AND source = ?", (business, source))
    return moment(found[0][0]) if found else None


def note_sync(db: Database, business: str, source: str, begun: datetime) -> None:
    """Note that a synchronisation that began then is whole."""

    def act(rows: Rows) -> None:
        rows.write("DELETE FROM stock_syncs WHERE business_id = ? AND source = ?", [(business, source)])
        statement = "INSERT INTO stock_syncs (business_id, source, begun_at) VALUES (?, ?, ?)"
        rows.write(statement, [(business, source, stamp(begun))])

    db.run(act)


def _span(since: datetime | None, until: datetime | None) -> tuple[str, str]:
    return stamp(since) if since else "1000-01-01", stamp(until) if until else "9999-12-31"


def _product(row: Sequence[Any]) -> Product:
    business, sku, name, quantity, threshold, price, updated = row
    least = None if threshold is None else int(threshold)
    return Product(business, sku, name, int(quantity), least, _decimal(price), moment(updated))


def _decimal(found: Any) -> Decimal | None:
    """A price as it was read: SQLite keeps a number, which its shortest text gives back exactly."""
    return None if found is None else Decimal(str(found)).normalize() + 0
