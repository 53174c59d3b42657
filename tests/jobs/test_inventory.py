"""The jobs of `inventory`: other systems taken over, quantities set, and people told what runs out."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from redis import Redis

from qctl.broker.redis import keys
from qctl.broker.worker.inline_worker import InlineWorker
from qctl.errors import RejectedError, SinkUnavailableError
from qctl.http_client import PartnerUnavailableError
from qctl.jobs import inventory as jobs
from qctl.jobs.follow_up_jobs import follow
from qctl.settings import Settings
from qctl.store import inventory
from qctl.store.products import Item
from support.databases import MariaDb
from support.process import free_port
from support.web import Site, web_server


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch, new_process: Callable[[], None]) -> Iterator[Site]:
    """The source `shop`, at a server that may be asked."""
    with web_server() as running:
        monkeypatch.setenv("QCTL_SOURCES", f"shop={running.url('/stock')}")
        monkeypatch.setenv("QCTL_SOURCE_TOKENS", "shop=secret-token")
        monkeypatch.setenv("QCTL_ALLOWED_HOSTS", running.host)
        new_process()
        yield running


def stock(business: str = "7") -> dict[str, int]:
    with inventory.opened(Settings.load()) as db:
        return {product.sku: product.quantity for product in inventory.products(db, business)}


def put(*items: Item, business: str = "7") -> None:
    with inventory.opened(Settings.load()) as db:
        inventory.apply(db, business, items, source="test")


def told(*skus: str, **more: Any) -> bytes:
    return json.dumps({"items": [{"sku": sku, "quantity": 1} for sku in skus], **more}).encode()


# --- sync-external --------------------------------------------------------------------------------------------------


def test_a_source_is_taken_over_page_by_page(site: Site) -> None:
    put(Item("ours", 4), Item("A", 9))
    site.say("/stock", told("A", "B", next="/stock/2"))
    site.say("/stock/2", told("C", next=site.url("/stock/3")))
    site.say("/stock/3", b'[{"sku": "D", "quantity": 2, "colour": "red"}]')
    found = jobs.sync_external(7, "shop", "full")
    assert found == {"updated": 4, "refused": 0, "pages": 3, "resultFile": None}
    assert stock() == {"A": 1, "B": 1, "C": 1, "D": 2, "ours": 4}
    assert site.asked[0].path == "/stock?businessId=7"
    assert {asked.headers["Authorization"] for asked in site.asked} == {"Bearer secret-token"}


def test_only_what_changed_is_asked_for_after_a_whole_run(site: Site) -> None:
    site.say("/stock", told("A", next="/stock/2"))
    with pytest.raises(RejectedError, match="404"):
        jobs.sync_external(7, "shop")
    site.say("/stock/2", told("B"))
    for _ in range(2):
        jobs.sync_external(7, "shop")
    jobs.sync_external(7, "shop", "full")
    asked = [each.path for each in site.asked if each.path.startswith("/stock?")]
    assert ["updatedSince" in path for path in asked] == [False, False, True, False]


def test_products_told_wrongly_come_out_and_the_others_are_taken(site: Site, settings: Settings) -> None:
    items = [{"sku": "A", "quantity": 1}, {"sku": "=B", "quantity": -1}, 7, None]
    site.say("/stock", json.dumps(items).encode())
    found = jobs.sync_external(7, "shop")
    assert (found["updated"], found["refused"]) == (1, 3)
    rows = list(csv.reader((settings.exports / found["resultFile"]).open(newline="")))
    assert [row[0] for row in rows] == ["item", "2", "3", "4"]


@pytest.mark.parametrize("body", [b"", b"no", b"{}", b'{"items": 7}', b'{"items": [], "next": 7}', b"[" * 100_000])
def test_what_tells_no_products_is_rejected(site: Site, body: bytes) -> None:
    site.say("/stock", body)
    with pytest.raises(RejectedError, match="tells"):
        jobs.sync_external(7, "shop")


def test_a_source_does_not_lead_elsewhere(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    with web_server() as other:
        monkeypatch.setenv("QCTL_ALLOWED_HOSTS", f"{site.host},{other.host}")
        other.say("/stock", told("X"))
        for elsewhere in (other.url("/stock"), "//evil.example/", "file:///etc/passwd", f"http://u:p@{site.host}/"):
            site.say("/stock", told("A", next=elsewhere))
            with pytest.raises(RejectedError, match="another server"):
                jobs.sync_external(7, "shop")
        assert other.asked == []


def test_a_source_that_does_not_end_is_rejected(site: Site) -> None:
    site.say("/stock", told("A", next="/stock?businessId=7"))
    with pytest.raises(RejectedError, match="does not end"):
        jobs.sync_external(7, "shop")


def test_hosts_that_are_not_allowed_are_not_asked(
    site: Site, monkeypatch: pytest.MonkeyPatch, new_process: Callable[[], None]
) -> None:
    monkeypatch.setenv("QCTL_ALLOWED_HOSTS", "")
    new_process()
    with pytest.raises(RejectedError, match="QCTL_ALLOWED_HOSTS"):
        jobs.sync_external(7, "shop")
    assert site.asked == []


def test_a_source_that_is_down_is_tried_again_and_holds_no_queue(site: Site) -> None:
    site.say("/stock", status=503)
    with pytest.raises(PartnerUnavailableError):
        jobs.sync_external(7, "shop")


@pytest.mark.parametrize(("system", "kind"), [("nobody", "full"), ("shop", "half"), ("", None), ("/etc/passwd", None)])
def test_what_there_is_not_is_rejected(site: Site, system: str, kind: str | None) -> None:
    with pytest.raises(RejectedError):
        jobs.sync_external(7, system, kind)
    assert site.asked == []


@pytest.mark.parametrize(
    ("name", "text"),
    [("s.csv", "sku;quantity\nA;1\nB;x\n"), ("s.json", '[{"sku": "A", "quantity": 1}, {"sku": "B"}]')],
)
def test_a_file_is_a_source_too(
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


def test_quantities_are_set() -> None:
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
def test_one_bad_item_rejects_the_whole_job(items: list[Any]) -> None:
    with pytest.raises(RejectedError):
        jobs.bulk_update(7, [{"sku": "good", "quantity": 1}, *items] if len(items) == 1 else items)
    assert stock() == {}


def test_a_job_that_runs_again_does_not_undo_what_came_after(settings: Settings, connection: Redis) -> None:
    follow("bulk-update", {"businessId": 7, "items": [{"sku": "A", "quantity": 5}]}, id="one")
    worker = InlineWorker(["inventory"], connection, settings)
    worker.work(burst=True)
    put(Item("A", 9))
    connection.hset(keys.job("one"), "status", "queued")  # as a recovery does it
    connection.rpush(keys.queue("inventory"), "one")
    InlineWorker(["inventory"], connection, settings).work(burst=True)
    assert connection.hget(keys.job("one"), "status") == b"finished"
    assert stock() == {"A": 9}


def test_a_database_that_is_down_holds_the_queue(
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
def somebody(monkeypatch: pytest.MonkeyPatch, new_process: Callable[[], None]) -> None:
    """Somebody wants to know what runs out."""
    monkeypatch.setenv("QCTL_LOW_STOCK_EMAIL", "buyer@example.org")
    new_process()


@pytest.mark.usefixtures("somebody")
def test_once_a_product_and_day_somebody_is_told(connection: Redis) -> None:
    put(Item("low", 3), Item("enough", 11))
    put(Item("low", 2), business="8")
    assert jobs.stock_check() == {"out": 2, "alerted": 2}
    assert jobs.stock_check() == {"out": 0, "alerted": 0}
    assert len(alerts(connection)) == 2
    assert all(job.startswith("low-stock-") for job in alerts(connection))


@pytest.mark.usefixtures("somebody")
def test_killed_before_it_was_noted_nobody_is_told_twice(connection: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    put(Item("low", 3))

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(inventory, "alerted", killed)
        with pytest.raises(KeyboardInterrupt):
            jobs.stock_check()
    before = alerts(connection)
    assert jobs.stock_check("7") == {"out": 1, "alerted": 1}
    assert alerts(connection) == before
    assert len(before) == 1


def test_without_an_address_nobody_is_told_and_it_ends(connection: Redis, caplog: pytest.LogCaptureFixture) -> None:
    put(Item("low", 3))
    assert jobs.stock_check() == {"out": 1, "alerted": 0}
    assert "QCTL_LOW_STOCK_EMAIL" in caplog.text
    assert alerts(connection) == []
