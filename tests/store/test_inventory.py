"""Stock in SQLite and in MariaDB."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qctl.errors import QctlError, RejectedError, SinkMisconfiguredError, SinkUnavailableError
from qctl.settings import Settings
from qctl.store import inventory
from qctl.store.products import MAX_QUANTITY, StockItem, parse_item
from qctl.store.sql import Database
from support.databases import MariaDb
from support.process import free_port
from support.waiting import PATIENCE_SECONDS


@pytest.fixture
def db(database_settings: Settings) -> Iterator[Database]:
    with inventory.open_database(database_settings) as opened:
        yield opened


def apply(db: Database, *items: StockItem, key: str | None = None, business: str = "b") -> bool:
    return inventory.apply_items(db, business, items, source="test", key=key)


def stock(db: Database, business: str = "b") -> dict[str, int]:
    return {product.sku: product.quantity for product in inventory.read_products(db, business)}


def pieces(db: Database) -> list[tuple[str, int]]:
    return [(movement.sku, movement.pieces) for movement in inventory.read_movements(db, "b")]


def test_given_fields_are_stored_and_others_keep_their_value(db: Database) -> None:
    apply(db, StockItem("A", 5, "Ä 🐍 name", 2, Decimal("2.5000")), StockItem("B", 0))
    apply(db, StockItem("A", 3, price=Decimal("9999999999.9999")))
    a, b = inventory.read_products(db, "b")
    assert (a.sku, a.name, a.quantity, a.threshold, a.price) == ("A", "Ä 🐍 name", 3, 2, Decimal("9999999999.9999"))
    assert (b.name, b.quantity, b.threshold, b.price) == (None, 0, None, None)
    assert abs(a.updated_at - datetime.now(timezone.utc)) < timedelta(minutes=1)
    assert stock(db, "other") == {}


def test_skus_are_compared_by_bytes(db: Database) -> None:
    apply(db, StockItem("a", 1), StockItem("A", 2), StockItem("ä", 3))
    assert stock(db) == {"A": 2, "a": 1, "ä": 3}


def test_change_with_a_key_is_applied_once(db: Database) -> None:
    assert apply(db, StockItem("A", 5), key="job-1")
    assert apply(db, StockItem("A", 9), key="job-2")
    assert not apply(db, StockItem("A", 5), key="job-1")
    assert stock(db) == {"A": 9}


def test_quantity_changes_are_recorded_as_movements(db: Database) -> None:
    apply(db, StockItem("A", 5, price=Decimal(2)))
    apply(db, StockItem("A", 5))
    apply(db, StockItem("A", 3))
    apply(db, StockItem("A", 3), StockItem("B", 0))
    assert pieces(db) == [("A", 5), ("A", -2)]
    assert [movement.price for movement in inventory.read_movements(db, "b")] == [2, 2]


def test_last_item_with_a_sku_counts(db: Database) -> None:
    apply(db, StockItem("A", 5), StockItem("A", 7))
    assert (stock(db), pieces(db)) == ({"A": 7}, [("A", 7)])


def test_batch_is_applied_completely_or_not_at_all(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inventory, "_MOVE", "INSERT INTO nowhere VALUES (?, ?, ?, ?, ?, ?, ?)")
    with pytest.raises(QctlError):
        apply(db, StockItem("A", 5), key="job-1")
    monkeypatch.undo()
    assert stock(db) == {}
    assert apply(db, StockItem("A", 5), key="job-1")


def test_many_products_are_read_in_pages(db: Database) -> None:
    names = [f"S{n:05}" for n in range(2 * inventory.ROWS_PER_TRANSACTION + 3)]
    for start in range(0, len(names), inventory.ROWS_PER_TRANSACTION):
        apply(db, *(StockItem(name, 1) for name in names[start : start + inventory.ROWS_PER_TRANSACTION]))
    assert list(stock(db)) == names
    assert sorted(sku for sku, _ in pieces(db)) == names


def test_since_and_until_limit_reads(db: Database) -> None:
    apply(db, StockItem("A", 5))
    now = datetime.now(timezone.utc)
    hour = timedelta(hours=1)
    for read in (inventory.read_products, inventory.read_movements):
        assert len(list(read(db, "b", now - hour, now + hour))) == 1
        assert list(read(db, "b", now + hour, None)) == list(read(db, "b", None, now - hour)) == []


def test_concurrent_writers_wait_for_each_other(database_settings: Settings) -> None:
    failures: list[BaseException] = []

    def write(numbers: range) -> None:
        try:
            with inventory.open_database(database_settings) as own:
                for quantity in numbers:
                    apply(own, *(StockItem(f"S{n}", quantity) for n in range(20)))
        except BaseException as error:  # noqa: BLE001 - asserted below
            failures.append(error)

    threads = [threading.Thread(target=write, args=(range(start, start + 5),)) for start in (0, 100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_SECONDS)
    assert failures == []
    with inventory.open_database(database_settings) as db:
        quantities = stock(db)
        assert len(set(quantities.values())) == 1
        assert sum(moved for _, moved in pieces(db)) == sum(quantities.values())


def test_low_stock_is_found_once_a_day(db: Database) -> None:
    apply(
        db,
        StockItem("own", 3, threshold=3),
        StockItem("default", 10),
        StockItem("enough", 11),
        StockItem("none", 0, threshold=0),
    )
    apply(db, StockItem("x", 0), business="c")

    def low(day: str, business: str | None = "b") -> list[str]:
        return [product.sku for product in inventory.find_low_stock(db, business, 10, day)]

    assert low("2026-01-01") == ["default", "none", "own"]
    assert low("2026-01-01", None) == ["default", "none", "own", "x"]
    inventory.record_alerted(db, inventory.find_low_stock(db, "b", 10, "2026-01-01"), "2026-01-01")
    assert low("2026-01-01") == []
    assert low("2026-01-02") == ["default", "none", "own"]


def test_last_complete_synchronisation(db: Database) -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=timezone.utc)
    assert inventory.last_sync(db, "b", "s") is None
    for begun_at in (moment - timedelta(days=1), moment):
        inventory.record_sync(db, "b", "s", begun_at)
    assert inventory.last_sync(db, "b", "s") == moment
    assert inventory.last_sync(db, "b", "t") is None


def test_old_change_keys_are_deleted(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    apply(db, StockItem("A", 1), key="k")
    inventory.delete_old_change_keys(db)
    assert not apply(db, StockItem("A", 1), key="k")
    monkeypatch.setattr(inventory, "CHANGE_KEY_RETENTION", -timedelta(days=1))
    inventory.delete_old_change_keys(db)
    assert apply(db, StockItem("A", 1), key="k")


def test_unreachable_server_and_wrong_password(make_settings: Callable[..., Settings], mariadb: MariaDb) -> None:
    with (
        pytest.raises(SinkUnavailableError),
        inventory.open_database(make_settings(**{**mariadb.environ, "DB_PORT": str(free_port())})),
    ):
        pass
    with (
        pytest.raises(SinkMisconfiguredError),
        inventory.open_database(make_settings(**{**mariadb.environ, "DB_PASSWORD": "wrong"})),
    ):
        pass


def test_user_without_create_right_can_use_tables(make_settings: Callable[..., Settings], mariadb: MariaDb) -> None:
    with inventory.open_database(make_settings(**mariadb.environ)):
        pass
    mariadb.run(
        "CREATE OR REPLACE USER small@'127.0.0.1' IDENTIFIED BY 'x'",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON {mariadb.database}.* TO small@'127.0.0.1'",
    )
    settings = make_settings(**{**mariadb.environ, "DB_USER": "small", "DB_PASSWORD": "x"})
    with inventory.open_database(settings) as db:
        apply(db, StockItem("A", 1))
        assert stock(db) == {"A": 1}


# --- parsing products -----------------------------------------------------------------------------------------------


def test_numbers_may_be_text() -> None:
    assert parse_item({"sku": " A ", "quantity": "5", "price": "2.50", "name": "", "threshold": " 3 "}) == StockItem(
        "A", 5, None, 3, Decimal("2.5")
    )
    assert parse_item({"sku": 7, "quantity": 5.0, "price": 0.1, "colour": "red"}) == StockItem(
        "7", 5, price=Decimal("0.1")
    )


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        (None, "object"),
        ("A", "object"),
        ({"quantity": 1}, "sku is missing"),
        ({"sku": "  ", "quantity": 1}, "sku is missing"),
        ({"sku": True, "quantity": 1}, "sku is not text"),
        ({"sku": "x" * 65, "quantity": 1}, "longer"),
        ({"sku": "a\x1b[2J", "quantity": 1}, "control"),
        ({"sku": "a\ud800", "quantity": 1}, "control"),
        ({"sku": "a"}, "quantity is missing"),
        ({"sku": "a", "quantity": ""}, "quantity is missing"),
        ({"sku": "a", "quantity": -1}, "whole number"),
        ({"sku": "a", "quantity": "1.5"}, "whole number"),
        ({"sku": "a", "quantity": "٣"}, "whole number"),
        ({"sku": "a", "quantity": True}, "whole number"),
        ({"sku": "a", "quantity": MAX_QUANTITY + 1}, "whole number"),
        ({"sku": "a", "quantity": "9" * 5000}, "whole number"),
        ({"sku": "a", "quantity": {"$gt": 0}}, "whole number"),
        ({"sku": "a", "quantity": 1, "price": "free"}, "price"),
        ({"sku": "a", "quantity": 1, "price": "NaN"}, "price"),
        ({"sku": "a", "quantity": 1, "price": "1e400"}, "price"),
        ({"sku": "a", "quantity": 1, "price": -1}, "price"),
        ({"sku": "a", "quantity": 1, "price": "0.00001"}, "price"),
        ({"sku": "a", "quantity": 1, "price": []}, "price"),
    ],
    ids=lambda value: ascii(value)[:40],
)
def test_invalid_product_is_rejected_with_the_reason(fields: Any, reason: str) -> None:
    with pytest.raises(RejectedError, match=reason):
        parse_item(fields)


@given(st.dictionaries(st.sampled_from(["sku", "quantity", "name", "price", "threshold"]), st.text() | st.floats()))
def test_arbitrary_fields_raise_only_rejected_error(fields: dict[str, Any]) -> None:
    try:
        item = parse_item(fields)
    except RejectedError:
        return
    assert item.sku.strip() == item.sku != ""
    assert 0 <= item.quantity <= MAX_QUANTITY
