"""Test the jobs of `file`: import CSV, export CSV and JSON, and never leave their folders."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from redis import Redis

from qctl.broker.redis import keys
from qctl.broker.worker.rq_adapter import QctlWorker
from qctl.errors import RejectedError, SinkMisconfiguredError
from qctl.jobs import file as jobs
from qctl.jobs.follow_up_jobs import enqueue_follow_up
from qctl.settings import Settings
from qctl.store import inventory
from qctl.store.products import StockItem


@pytest.fixture
def upload(settings: Settings) -> Path:
    settings.uploads.mkdir()
    return settings.uploads


def stock(settings: Settings, business: str = "7") -> dict[str, Any]:
    with inventory.open_database(settings) as db:
        return {p.sku: (p.name, p.quantity, p.price and float(p.price)) for p in inventory.read_products(db, business)}


def test_valid_rows_are_imported_and_others_written_with_line_and_reason(settings: Settings, upload: Path) -> None:
    (upload / "stock.csv").write_bytes(
        "Article;Name;Qty;Price\nA1;Größe;5;2,50\nA2;;-3;\nA1;Again;1;\n=1+1;=evil();x;\nA3;Drei;0;10\n".encode(
            "cp1252"
        )
    )
    found = jobs.process_inventory_import(7, "stock.csv")
    assert (found["imported"], found["refused"]) == (2, 3)
    assert stock(settings) == {"A1": ("Größe", 5, 2.5), "A3": ("Drei", 0, 10.0)}
    rows = list(csv.reader((settings.exports / found["resultFile"]).read_text().splitlines()))
    assert rows[0] == ["line", "reason", "row"]
    assert [row[0] for row in rows[1:]] == ["3", "4", "5"]
    assert "quantity" in rows[1][1]
    assert rows[2][1] == "duplicate sku, first on line 2"
    assert rows[3][2:4] == ["'=1+1", "'=evil()"]


def test_compressed_file_is_imported(settings: Settings, upload: Path) -> None:
    (upload / "stock.csv.gz").write_bytes(gzip.compress(b"sku,quantity\nA,5\n"))
    assert jobs.process_inventory_import("7", "stock.csv.gz") == {
        "imported": 1,
        "refused": 0,
        "resultFile": None,
        "encoding": "utf-8",
        "ignoredColumns": [],
    }


def test_too_large_file_is_rejected_while_it_is_read(
    settings: Settings, upload: Path, monkeypatch: pytest.MonkeyPatch, new_process: Any
) -> None:
    monkeypatch.setenv("MAX_FILE_SIZE", "1000")
    new_process()
    text = b"sku,quantity\n" + b"".join(b"S%04d,1\n" % n for n in range(200))
    (upload / "plain.csv").write_bytes(text)
    (upload / "packed.csv").write_bytes(gzip.compress(text))
    for name in ("plain.csv", "packed.csv"):
        with pytest.raises(RejectedError, match="MAX_FILE_SIZE"):
            jobs.process_inventory_import("7", name)
    assert stock(settings) == {}


@pytest.mark.parametrize("name", ["../qctl.db", "/etc/passwd", "none.csv", "link.csv", "pipe.csv", "", "in"])
def test_only_files_in_the_folder_are_read(upload: Path, name: str) -> None:
    (upload / "in").mkdir()
    (upload / "link.csv").symlink_to("/etc/passwd")
    os.mkfifo(upload / "pipe.csv")
    with pytest.raises(RejectedError):
        jobs.process_inventory_import("7", name)


@pytest.mark.parametrize("data", [b"", b"\x89PNG\r\n", b"a,b\n1,2\n", b"PK\x03\x04broken"])
def test_file_without_stock_columns_is_rejected(upload: Path, data: bytes) -> None:
    (upload / "x.csv").write_bytes(data)
    with pytest.raises(RejectedError):
        jobs.process_inventory_import("7", "x.csv")


def test_invalid_address_or_business_is_rejected_before_the_import(settings: Settings, upload: Path) -> None:
    (upload / "x.csv").write_text("sku,quantity\nA,1\n")
    for business, email in (("7", "nobody"), ("", None), ("x" * 65, None), ("a\nb", None)):
        with pytest.raises(RejectedError):
            jobs.process_inventory_import(business, "x.csv", email)
    assert not settings.database.exists()


def test_export_can_be_imported_again(settings: Settings, upload: Path) -> None:
    evil = ["a;=1+1", ";'=1", "=1+1", "+1", "-1", "@x", "'=1", "'quoted", "a,b", 'a"b', "ü;ß", "\uff1dwide"]
    with inventory.open_database(settings) as db:
        inventory.apply_items(db, "7", [StockItem(sku, n, f"name {sku}") for n, sku in enumerate(evil)], source="test")
    found = jobs.process_inventory_export("7")
    assert found["products"] == len(evil)
    text = (settings.exports / found["file"]).read_text()
    for cell in (cell for row in csv.reader(io.StringIO(text)) for cell in row):
        assert not cell.startswith(("=", "+", "-", "@", "\uff1d"))
    (upload / "again.csv").write_text(text)
    assert jobs.process_inventory_import("8", "again.csv")["imported"] == len(evil)
    assert stock(settings, "8") == stock(settings, "7")


def test_excel_export_can_be_imported_again(settings: Settings, upload: Path) -> None:
    with inventory.open_database(settings) as db:
        inventory.apply_items(db, "7", [StockItem("A", 3, "Größe; =1", 2, Decimal("2.50"))], source="test")
    found = jobs.process_inventory_export("7", "excel")
    raw = (settings.exports / found["file"]).read_bytes()
    assert raw.startswith(b"\xef\xbb\xbfsku;name;quantity;threshold;price;")
    assert b";2,5;" in raw
    (upload / "again.csv").write_bytes(raw)
    assert jobs.process_inventory_import("8", "again.csv")["imported"] == 1
    assert stock(settings, "8") == stock(settings, "7")


def test_export_of_a_shop_is_imported_by_its_best_columns_or_by_the_mapping(settings: Settings, upload: Path) -> None:
    head = "ID,Type,SKU,Name,Description,Stock,Low stock amount,Sale price,Regular price"
    (upload / "shop.csv").write_text(f'{head}\n1,simple,A,Cup,Long text,12.0,3,,"1,019.99995"\n')
    found = jobs.process_inventory_import("7", "shop.csv", mapping={"price": "Regular price"})
    assert stock(settings) == {"A": ("Cup", 12, 1020.0)}
    assert found["ignoredColumns"] == ["ID", "Type", "Description", "Low stock amount", "Sale price"]
    with pytest.raises(RejectedError, match="mapping"):
        jobs.process_inventory_import("7", "shop.csv", mapping={"colour": "Type"})


def test_workbook_and_declared_encoding_are_imported(settings: Settings, upload: Path) -> None:
    book = openpyxl.Workbook()
    for row in (["SKU", "Name", "Qty"], ["A", "Größe", 5]):
        book.active.append(row)
    book.save(upload / "stock.xlsx")
    assert jobs.process_inventory_import("7", "stock.xlsx")["encoding"] == "xlsx"
    (upload / "stock.csv").write_bytes("sku;name;quantity\nB;Žluťoučký;1\n".encode("cp1250"))
    assert jobs.process_inventory_import("7", "stock.csv", encoding="windows-1250")["encoding"] == "cp1250"
    assert {sku: name for sku, (name, _, _) in stock(settings).items()} == {"A": "Größe", "B": "Žluťoučký"}


def test_json_export_filters_by_day(settings: Settings) -> None:
    with inventory.open_database(settings) as db:
        inventory.apply_items(db, "7", [StockItem("A", 1), StockItem("B", 2)], source="test")
    everything = jobs.process_inventory_export("7", "json")
    assert [product["sku"] for product in json.loads((settings.exports / everything["file"]).read_text())] == ["A", "B"]
    assert jobs.process_inventory_export("7", "json", {"endDate": "2020-01-01"})["products"] == 0


@pytest.mark.parametrize(
    "filters",
    [
        {"startDate": "yesterday"},
        {"startDate": 5},
        {"startDate": "2026-02-30"},
        {"startDate": "2026-02-02", "endDate": "2026-02-01"},
        {"from": "2026-02-01"},
    ],
)
def test_invalid_filter_is_rejected(filters: dict[str, Any]) -> None:
    with pytest.raises(RejectedError):
        jobs.process_inventory_export("7", "csv", filters)


def test_unknown_format_is_rejected() -> None:
    with pytest.raises(RejectedError, match="format"):
        jobs.process_inventory_export("7", "xlsx")


def test_unwritable_exports_folder_pauses_the_queue(settings: Settings) -> None:
    settings.exports.write_text("a file stands in the way")
    with pytest.raises(SinkMisconfiguredError):
        jobs.process_inventory_export("7")


def test_old_exports_are_deleted(settings: Settings) -> None:
    name = jobs.process_inventory_export("7")["file"]
    (settings.exports / "report-x.csv").write_text("another job's")
    assert jobs.cleanup_exports() == {"deleted": 0}
    os.utime(settings.exports / name, (1, 1))
    assert jobs.cleanup_exports() == {"deleted": 1}
    assert [path.name for path in settings.exports.iterdir()] == ["report-x.csv"]


def test_worker_runs_import_and_reports_progress(settings: Settings, upload: Path, connection: Redis) -> None:
    (upload / "stock.csv").write_text("sku,quantity\nA,5\nB,none\n")
    data = {"businessId": 7, "file": "stock.csv", "userEmail": "ann@example.org"}
    good = enqueue_follow_up("process-inventory-import", data, id="good")
    bad = enqueue_follow_up("process-inventory-import", {**data, "file": "../x"}, id="bad")
    QctlWorker(["file"], connection, settings, "fork").work(burst=True)
    assert connection.hget(keys.job(good), "status") == b"finished"
    assert json.loads(connection.hget(keys.job(good), "meta"))["progress"] == {
        "done": 2,
        "total": 2,
        "note": "1 rejected",
    }
    assert connection.hget(keys.job(bad), "status") == b"failed"  # without retries: it would be rejected again
    assert connection.zscore(keys.failed("file"), bad) is not None
    (mail,) = connection.lrange(keys.queue("email"), 0, -1)
    assert mail.decode().startswith("report-ready-")


def test_import_that_was_killed_at_its_end_repeats_nothing(settings: Settings, upload: Path, connection: Redis) -> None:
    (upload / "stock.csv").write_text("sku,quantity\nA,5\n")
    enqueue_follow_up(
        "process-inventory-import", {"businessId": 7, "file": "stock.csv", "userEmail": "a@b.example"}, id="one"
    )
    QctlWorker(["file"], connection, settings, "fork").work(burst=True)
    with inventory.open_database(settings) as db:
        inventory.apply_items(db, "7", [StockItem("A", 9)], source="test")
    connection.hset(keys.job("one"), "status", "queued")  # as a recovery does it
    connection.rpush(keys.queue("file"), "one")
    QctlWorker(["file"], connection, settings, "fork").work(burst=True)
    assert stock(settings)["A"][1] == 9
    assert connection.llen(keys.queue("email")) == 1
