"""Test the jobs of `inventory`: import from other systems, bulk updates, and low-stock alerts."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from redis import Redis

from qctl.broker.redis import keys
from qctl.broker.worker.rq_adapter import QctlWorker
from qctl.errors import RejectedError, SinkUnavailableError
from qctl.http_client import PartnerUnavailableError
from qctl.jobs import inventory as jobs
from qctl.jobs.follow_up_jobs import enqueue_follow_up
from qctl.settings import Settings
from qctl.store import inventory
from qctl.store.products import StockItem
from support.databases import MariaDb
from support.process import free_port
from support.web import Site, web_server


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch, new_process: Callable[[], None]) -> Iterator[Site]:
    """The source `shop`, on an allowed host."""
    with web_server() as running:
        monkeypatch.setenv("QCTL_SOURCES", f"shop={running.url('/stock')}")
        monkeypatch.setenv("QCTL_SOURCE_TOKENS", "shop=secret-token")
        monkeypatch.setenv("QCTL_ALLOWED_HOSTS", running.host)
        new_process()
        yield running


def stock(business: str = "7") -> dict[str, int]:
    with inventory.open_database(Settings.load()) as db:
        return {product.sku: product.quantity for product in inventory.read_products(db, business)}


def put(*items: StockItem, business: str = "7") -> None:
    with inventory.open_database(Settings.load()) as db:
        inventory.apply_items(db, business, items, source="test")


def page(*skus: str, **more: Any) -> bytes:
    return json.dumps({"items": [{"sku": sku, "quantity": 1} for sku in skus], **more}).encode()


# --- sync-external --------------------------------------------------------------------------------------------------


def test_source_is_imported_page_by_page(site: Site) -> None:
    put(StockItem("ours", 4), StockItem("A", 9))
    site.reply("/stock", page("A", "B", next="/stock/2"))
    site.reply("/stock/2", page("C", next=site.url("/stock/3")))
    site.reply("/stock/3", b'[{"sku": "D", "quantity": 2, "colour": "red"}]')
    found = jobs.sync_external(7, "shop", "full")
    assert found == {"updated": 4, "refused": 0, "pages": 3, "resultFile": None}
    assert stock() == {"A": 1, "B": 1, "C": 1, "D": 2, "ours": 4}
    assert site.requests[0].path == "/stock?businessId=7"
    assert {request.headers["Authorization"] for request in site.requests} == {"Bearer secret-token"}


def test_incremental_run_asks_for_changes_after_a_complete_run(site: Site) -> None:
    site.reply("/stock", page("A", next="/stock/2"))
    with pytest.raises(RejectedError, match="404"):
        jobs.sync_external(7, "shop")
    site.reply("/stock/2", page("B"))
    for _ in range(2):
        jobs.sync_external(7, "shop")
    jobs.sync_external(7, "shop", "full")
    paths = [request.path for request in site.requests if request.path.startswith("/stock?")]
    assert ["updatedSince" in path for path in paths] == [False, False, True, False]


def test_invalid_products_are_written_out_and_others_imported(site: Site, settings: Settings) -> None:
    items = [{"sku": "A", "quantity": 1}, {"sku": "=B", "quantity": -1}, 7, None]
    site.reply("/stock", json.dumps(items).encode())
    found = jobs.sync_external(7, "shop")
    assert (found["updated"], found["refused"]) == (1, 3)
    rows = list(csv.reader((settings.exports / found["resultFile"]).read_text().splitlines()))
    assert [row[0] for row in rows] == ["item", "2", "3", "4"]


@pytest.mark.parametrize("body", [b"", b"no", b"{}", b'{"items": 7}', b'{"items": [], "next": 7}', b"[" * 100_000])
def test_reply_without_products_is_rejected(site: Site, body: bytes) -> None:
    site.reply("/stock", body)
    with pytest.raises(RejectedError, match="the reply of the source"):
        jobs.sync_external(7, "shop")


def test_next_page_on_another_server_is_rejected(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    with web_server() as other:
        monkeypatch.setenv("QCTL_ALLOWED_HOSTS", f"{site.host},{other.host}")
        other.reply("/stock", page("X"))
        for elsewhere in (other.url("/stock"), "//evil.example/", "file:///etc/passwd", f"http://u:p@{site.host}/"):
            site.reply("/stock", page("A", next=elsewhere))
            with pytest.raises(RejectedError, match="another server"):
                jobs.sync_external(7, "shop")
        assert other.requests == []


def test_endless_source_is_rejected(site: Site) -> None:
    site.reply("/stock", page("A", next="/stock?businessId=7"))
    with pytest.raises(RejectedError, match="does not end"):
        jobs.sync_external(7, "shop")


def test_host_that_is_not_allowed_gets_no_request(
    site: Site, monkeypatch: pytest.MonkeyPatch, new_process: Callable[[], None]
) -> None:
    monkeypatch.setenv("QCTL_ALLOWED_HOSTS", "")
    new_process()
    with pytest.raises(RejectedError, match="QCTL_ALLOWED_HOSTS"):
        jobs.sync_external(7, "shop")
    assert site.requests == []


def test_unreachable_source_is_retried_and_pauses_no_queue(site: Site) -> None:
    site.reply("/stock", status=503)
    with pytest.raises(PartnerUnavailableError):
        jobs.sync_external(7, "shop")


@pytest.mark.parametrize(("system", "kind"), [("nobody", "full"), ("shop", "half"), ("", None), ("/etc/passwd", None)])
def test_unknown_source_or_sync_type_is_rejected(site: Site, system: str, kind: str | None) -> None:
    with pytest.raises(RejectedError):
        jobs.sync_external(7, system, kind)
    assert site.requests == []


@pytest.mark.parametrize(
    ("name", "text"),
    [("s.csv", "sku;quantity\nA;1\nB;x\n"), ("s.json", '[{"sku": "A", "quantity": 1}, {"sku": "B"}]')],
)
def test_source_may_be_a_file(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, new_process: Callable[[], None], name: str, text: str
) -> None:
    file = settings.home / name
    file.write_text(text)
    monkeypatch.setenv("QCTL_SOURCES", f"warehouse={file}")
    new_process()
    assert (jobs.sync_external(7, "warehouse")["updated"], stock()) == (1, {"A": 1})
    os.utime(file, (1, 1))
    assert jobs.sync_external(7, "warehouse")["pages"] == 0
    assert jobs.sync_external(7, "warehouse", "full")["updated"] == 1


# --- bulk-update ----------------------------------------------------------------------------------------------------


def test_bulk_update_sets_quantities() -> None:
    assert jobs.bulk_update(7, [{"sku": "A", "quantity": 5}, {"sku": "B", "quantity": "6", "name": "Bee"}]) == {
        "updated": 2,
        "again": False,
    }
    assert stock() == {"A": 5, "B": 6}


@pytest.mark.parametrize(
    "items",
    [[], [{"sku": "A", "quantity": 1}] * 101, [{"sku": "A"}], [7], [{"sku": "A", "quantity": 1, "$set": 1}]],
    ids=["none", "many", "no quantity", "number", "unknown"],
)
def test_one_invalid_item_rejects_the_whole_job(items: list[Any]) -> None:
    with pytest.raises(RejectedError):
        jobs.bulk_update(7, [{"sku": "good", "quantity": 1}, *items] if len(items) == 1 else items)
    assert stock() == {}


def test_rerun_does_not_undo_later_changes(settings: Settings, connection: Redis) -> None:
    enqueue_follow_up("bulk-update", {"businessId": 7, "items": [{"sku": "A", "quantity": 5}]}, id="one")
    worker = QctlWorker(["inventory"], connection, settings, "inline")
    worker.work(burst=True)
    put(StockItem("A", 9))
    connection.hset(keys.job("one"), "status", "queued")  # as a recovery does it
    connection.rpush(keys.queue("inventory"), "one")
    QctlWorker(["inventory"], connection, settings, "inline").work(burst=True)
    assert connection.hget(keys.job("one"), "status") == b"finished"
    assert stock() == {"A": 9}


def test_unreachable_database_pauses_the_queue(
    mariadb: MariaDb, monkeypatch: pytest.MonkeyPatch, new_process: Callable[[], None]
) -> None:
    for name, value in {**mariadb.environ, "DB_PORT": str(free_port())}.items():
        monkeypatch.setenv(name, value)
    new_process()
    with pytest.raises(SinkUnavailableError):
        jobs.bulk_update(7, [{"sku": "A", "quantity": 5}])
    monkeypatch.setenv("DB_PORT", str(mariadb.port))
    new_process()
    jobs.bulk_update(7, [{"sku": "A", "quantity": 5}])
    assert mariadb.run("SELECT sku, quantity FROM inventory") == [("A", 5)]


# --- stock-check ----------------------------------------------------------------------------------------------------


def alerts(connection: Redis) -> list[str]:
    return sorted(job.decode() for job in connection.lrange(keys.queue("email.high"), 0, -1))


@pytest.fixture
def low_stock_email(monkeypatch: pytest.MonkeyPatch, new_process: Callable[[], None]) -> None:
    """Set the address that gets low-stock alerts."""
    monkeypatch.setenv("QCTL_LOW_STOCK_EMAIL", "buyer@example.org")
    new_process()


@pytest.mark.usefixtures("low_stock_email")
def test_one_alert_is_sent_per_product_and_day(connection: Redis) -> None:
    put(StockItem("low", 3), StockItem("enough", 11))
    put(StockItem("low", 2), business="8")
    assert jobs.stock_check() == {"out": 2, "alerted": 2}
    assert jobs.stock_check() == {"out": 0, "alerted": 0}
    assert len(alerts(connection)) == 2
    assert all(job.startswith("low-stock-") for job in alerts(connection))


@pytest.mark.usefixtures("low_stock_email")
def test_kill_before_the_alert_is_recorded_sends_no_second_one(
    connection: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(StockItem("low", 3))

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(inventory, "record_alerted", killed)
        with pytest.raises(KeyboardInterrupt):
            jobs.stock_check()
    before = alerts(connection)
    assert jobs.stock_check("7") == {"out": 1, "alerted": 1}
    assert alerts(connection) == before
    assert len(before) == 1


def test_without_an_address_no_alert_is_sent(connection: Redis, caplog: pytest.LogCaptureFixture) -> None:
    put(StockItem("low", 3))
    assert jobs.stock_check() == {"out": 1, "alerted": 0}
    assert "QCTL_LOW_STOCK_EMAIL" in caplog.text
    assert alerts(connection) == []
