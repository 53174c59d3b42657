"""Test the jobs of `report`: the content of each report, its three formats, and invalid arguments."""

from __future__ import annotations

import csv
import json
import os
import re
from collections.abc import Callable
from datetime import datetime, timezone
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from contract.readings import readings
from qctl import catalog
from qctl.broker.redis import keys
from qctl.broker.worker.rq_adapter import QctlWorker
from qctl.errors import RejectedError, SinkMisconfiguredError
from qctl.history import open_store
from qctl.jobs import reading_batches as sensor_jobs
from qctl.jobs import report as jobs
from qctl.jobs.follow_up_jobs import enqueue_follow_up
from qctl.models import Event
from qctl.settings import Settings
from qctl.store import chat_reads, inventory
from qctl.store.products import StockItem

EVIL = "=cmd<script>alert(1)</script>"


@pytest.fixture
def stock(settings: Settings) -> None:
    """Ten pieces of A of which three were sold, and a product with a hostile name."""
    with inventory.open_database(settings) as db:
        for items in (
            [StockItem("A", 10, "Apple", 2, Decimal("1.50")), StockItem(EVIL, 1, '"><img src=x>')],
            [StockItem("A", 7)],
        ):
            inventory.apply_items(db, "7", items, source="test")


def generate(settings: Settings, kind: str, form: str, **more: Any) -> str:
    (name,) = jobs.generate_report(7, kind, format=form, **more)["files"]
    return (settings.exports / name).read_text()


def document(settings: Settings, kind: str, **more: Any) -> Any:
    return json.loads(generate(settings, kind, "json", **more))


@pytest.mark.usefixtures("stock")
def test_inventory_summary_has_quantities_and_values(settings: Settings) -> None:
    found = document(settings, "inventory-summary")
    assert found["figures"] == {"products": 2, "pieces": 8, "value": 10.5, "running out": 1}
    apple = {"sku": "A", "name": "Apple", "quantity": 7, "threshold": 2, "price": 1.5, "value": 10.5}
    assert found["rows"][1] == apple
    assert found["madeAt"].endswith("+00:00")


@pytest.mark.usefixtures("stock")
def test_sales_are_decreases_of_stock_and_the_report_says_so(settings: Settings) -> None:
    today = datetime.now(timezone.utc).date().isoformat()
    found = document(settings, "sales-analysis", filters={"startDate": today, "endDate": today})
    assert found["rows"] == [{"sku": "A", "pieces": 3, "revenue": 4.5}]
    assert "losses" in found["notes"][0]
    assert document(settings, "sales-analysis", filters={"endDate": "2020-01-01"})["rows"] == []


def test_queue_activity_counts_events_of_the_history(settings: Settings) -> None:
    store = open_store(settings)
    at = int(datetime.now(timezone.utc).timestamp() * 1000)
    store.write(
        [Event(f"{at}-{n}", name, {"queue": "email"}) for n, name in enumerate(["created", "finished", "dead"])]
    )
    store.close()
    found = document(settings, "queue-activity")
    assert found["figures"] == {"created": 1, "started": 0, "finished": 1, "retried": 0, "dead": 1}
    assert len(found["rows"]) == 1


def test_sensor_summary_has_statistics_by_device(settings: Settings) -> None:
    items = readings("attic", 3)
    items[0]["fields"]["state"] = "idle"  # text has no statistics
    sensor_jobs.write_readings(items)
    found = document(settings, "sensor-summary")
    assert found["figures"]["readings"] == 3
    assert "state" not in {row["field"] for row in found["rows"]}
    assert {row["device"] for row in found["rows"]} == {"attic"}
    assert all(row["least"] <= row["mean"] <= row["most"] for row in found["rows"])


def test_sensor_summary_of_influxdb_is_rejected(
    monkeypatch: pytest.MonkeyPatch, new_process: Callable[[], None]
) -> None:
    for name, value in {"INFLUX_URL": "http://127.0.0.1:1", "INFLUX_TOKEN": "t", "ORG": "o", "BUCKET": "b"}.items():
        monkeypatch.setenv(name, value)
    new_process()
    with pytest.raises(RejectedError, match="InfluxDB"):
        jobs.generate_report(7, "sensor-summary")


@pytest.mark.parametrize("kind", list(jobs.REPORTS))
def test_every_report_without_data_has_all_formats(settings: Settings, kind: str) -> None:
    found = jobs.generate_report(7, kind)
    assert [name.rpartition(".")[2] for name in found["files"]] == ["csv", "json", "html"]
    assert all((settings.exports / name).stat().st_size for name in found["files"])


class _Page(HTMLParser):
    """Collects the tags and links of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href", "action", "srcset", "data")]


@pytest.mark.usefixtures("stock")
def test_html_report_is_offline_and_escapes_hostile_text(settings: Settings) -> None:
    for kind, shown in (
        ("inventory-summary", "&lt;script&gt;alert(1)&lt;/script&gt;</td>"),
        ("sales-analysis", "<td>A</td>"),
    ):
        text = generate(settings, kind, "html")
        page = _Page()
        page.feed(text)
        assert page.tags.count("svg") == 2
        assert page.links == []
        assert not {"script", "img", "link", "iframe"} & set(page.tags)
        assert not re.search(r"https?://|url\(|@import", text)
        assert shown in text


@pytest.mark.usefixtures("stock")
def test_csv_cells_are_never_formulas(settings: Settings) -> None:
    rows = list(csv.reader(generate(settings, "inventory-summary", "csv").splitlines()))
    assert rows[0][:3] == ["sku", "name", "quantity"]
    assert [row[0] for row in rows[1:]] == [f"'{EVIL}", "A"]


@pytest.mark.parametrize(
    "bad",
    [
        {"reportType": "everything"},
        {"format": "xlsx"},
        {"businessId": "a\nb"},
        {"userEmail": "a@b.c\nBcc: d@e.f"},
        {"filters": {"startDate": "2026-13-01"}},
        {"filters": {"startDate": ["2026-01-01"]}},
        {"filters": {"endDate": "0000-01-01"}},
        {"filters": {"$where": "1"}},
    ],
    ids=lambda bad: ascii(bad)[:50],
)
def test_invalid_argument_is_rejected_before_the_report_is_generated(settings: Settings, bad: dict[str, Any]) -> None:
    with pytest.raises(RejectedError):
        jobs.generate_report(**{"businessId": 7, "reportType": "inventory-summary", **bad})
    assert not settings.exports.exists()


def test_worker_generates_the_report_and_sends_one_email(settings: Settings, connection: Redis, stock: None) -> None:
    data = {"businessId": 7, "reportType": "inventory-summary", "userEmail": "boss@example.org"}
    enqueue_follow_up("generate-report", data, id="one")
    for _ in range(2):
        QctlWorker(["report"], connection, settings, "fork").work(burst=True)
        assert connection.hget(keys.job("one"), "status") == b"finished"
        connection.hset(keys.job("one"), "status", "queued")  # as a recovery does it
        connection.rpush(keys.queue("report"), "one")
    assert len(list(settings.exports.iterdir())) == 3
    assert connection.llen(keys.queue("email")) == 1


def test_cleanup_deletes_old_reports_and_keeps_exports(settings: Settings) -> None:
    (name,) = jobs.generate_report(7, "sales-analysis", format="csv")["files"]
    export = settings.exports / "inventory-export-1.csv"
    export.write_text("")
    for path in (export, settings.exports / name):
        os.utime(path, (1, 1))
    assert jobs.cleanup_reports(10 * 365 * 86_400 * 10) == {"deleted": 0}
    assert jobs.cleanup_reports() == {"deleted": 1}
    assert list(settings.exports.iterdir()) == [export]


def test_unwritable_folder_pauses_the_queue(settings: Settings) -> None:
    Path(settings.exports).write_text("a file stands in the way")
    with pytest.raises(SinkMisconfiguredError):
        jobs.generate_report(7, "sales-analysis")


def test_chat_delivery_counts_messages_by_day(settings: Settings, connection: Redis) -> None:
    for n, text in enumerate(("one", "two")):
        message = {"senderId": "bob", "receiverId": "ada", "text": text}
        enqueue_follow_up("process-message", message, id=f"m{n}")
    QctlWorker(catalog.claim_order(["message"]), connection, settings, "inline").work(burst=True)
    chat_reads.mark_read(settings, "ada", "bob", datetime.now(timezone.utc))
    found = document(settings, "chat-delivery")
    assert found["figures"] == {"sent": 2, "delivered": 2, "read": 2}
    assert sum(row["sent"] for row in found["rows"]) == 2
