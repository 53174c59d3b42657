"""The job of `notification`: a note in the app, and by webhook or mail where the receiver wants that."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from typing import Any

import pytest
from redis import Redis

from qctl import catalog
from qctl.broker.redis import keys
from qctl.broker.worker.inline_worker import InlineWorker
from qctl.errors import RejectedError
from qctl.http_client import PartnerUnavailableError
from qctl.jobs import notification as jobs
from qctl.jobs.follow_up_jobs import follow
from qctl.service import QueueService
from qctl.settings import Settings
from qctl.store import notifications
from qctl.store.notifications import Wish
from support.web import Site, web_server


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch, new_process: Callable[[], None]) -> Iterator[Site]:
    """A server that webhooks may go to."""
    with web_server() as running:
        monkeypatch.setenv("QCTL_ALLOWED_HOSTS", running.host)
        new_process()
        running.say("/hook")
        yield running


def prefer(settings: Settings, how: str, target: str | None = None) -> None:
    """Whatever was allowed when it was written down."""
    with notifications.opened(settings) as db:
        notifications.prefer(db, "7", Wish(how, target), datetime.now(timezone.utc))


def kept(settings: Settings) -> list[tuple[Any, ...]]:
    with notifications.opened(settings) as db:
        return db.all("SELECT text, sent_by FROM notifications ORDER BY created_at, id")


def test_by_default_a_note_is_in_the_app_alone(settings: Settings, connection: Redis) -> None:
    assert jobs.notify(7, "hi")["how"] == "app"
    assert kept(settings) == [("hi", None)]
    assert connection.keys("rq:queue:*") == []


def test_a_webhook_is_sent(settings: Settings, site: Site) -> None:
    prefer(settings, "webhook", site.url("/hook"))
    found = jobs.notify("7", "hi", "alert", {"n": 1})
    (asked,) = site.asked
    told = json.loads(asked.body)
    assert told == {"id": found["notificationId"], "receiverId": "7", "kind": "alert", "text": "hi", "data": {"n": 1}}
    assert asked.headers["Idempotency-Key"] == found["notificationId"]
    assert kept(settings) == [("hi", "webhook")]


def test_a_mail_is_enqueued_once_however_often_the_job_runs(settings: Settings, connection: Redis) -> None:
    prefer(settings, "email", "bob@example.org")
    follow("notify", {"receiverId": 7, "text": "hi"}, id="one")
    for _ in range(2):
        InlineWorker(["notification"], connection, settings).work(burst=True)
        assert connection.hget(keys.job("one"), "status") == b"finished"
        connection.hset(keys.job("one"), "status", "queued")  # as a recovery does it
        connection.rpush(keys.queue("notification"), "one")
    assert connection.llen(keys.queue("email")) == 1
    InlineWorker(["email"], connection, settings).work(burst=True)
    (mail,) = (settings.home / "outbox").iterdir()
    assert b"To: bob@example.org" in mail.read_bytes()


@pytest.mark.parametrize(
    ("how", "target"),
    [
        ("webhook", "http://169.254.169.254/latest/meta-data"),
        ("webhook", "file:///etc/passwd"),
        ("webhook", "http://localhost:6379/"),
        ("email", "a@b.example\nBcc: c@d.example"),
        ("email", "nobody"),
    ],
)
def test_a_target_that_leads_elsewhere_is_rejected_and_the_note_is_in_the_app(
    settings: Settings, site: Site, connection: Redis, how: str, target: str
) -> None:
    prefer(settings, how, target)
    with pytest.raises(RejectedError):
        jobs.notify(7, "hi")
    assert kept(settings) == [("hi", None)]
    assert site.asked == []
    assert connection.llen(keys.queue("email")) == 0


@pytest.mark.parametrize(
    "bad",
    [
        {"by": "pigeon", "target": "x"},
        {"by": "webhook"},
        {"by": "webhook", "target": "http://169.254.169.254/latest/meta-data"},
        {"by": "webhook", "target": "file:///etc/passwd"},
        {"by": "webhook", "target": "http://" + "x" * 500},
        {"by": "email", "target": " "},
        {"by": "email", "target": "a@b.example\nBcc: c@d.example"},
        {"receiverId": "", "by": "app"},
    ],
    ids=lambda bad: ascii(bad)[:40],
)
def test_a_wish_that_cannot_be_met_is_rejected(settings: Settings, site: Site, bad: dict[str, Any]) -> None:
    with pytest.raises(RejectedError):
        jobs.set_notification_preference(**{"receiverId": 7, **bad})
    assert not settings.database.exists()


def test_a_wish_holds_for_the_notes_that_wait_already(settings: Settings, site: Site, connection: Redis) -> None:
    with QueueService(settings) as service:
        service.notify(receiverId=7, text="hi")
        wish = service.set_notification_preference(receiverId="7", by="webhook", target=site.url("/hook"))
        InlineWorker(catalog.claim_order(["notification"]), connection, settings).work(burst=True)
        assert service.result(wish) == {"how": "webhook"}
        assert len(site.asked) == 1
        service.set_notification_preference(receiverId=7, by="app")
        service.notify(receiverId=7, text="hi again")
        InlineWorker(catalog.claim_order(["notification"]), connection, settings).work(burst=True)
    assert len(site.asked) == 1


def test_of_two_wishes_the_later_one_counts_whichever_runs_first(
    settings: Settings, site: Site, connection: Redis
) -> None:
    with QueueService(settings) as service:
        early = service.set_notification_preference(receiverId=7, by="webhook", target=site.url("/hook"), delay=1)
        service.set_notification_preference(receiverId=7, by="email", target="ann@example.org")
        InlineWorker(catalog.claim_order(["notification"]), connection, settings).work(burst=True)
        connection.rpush(keys.queue("notification.high"), early)
        connection.hset(keys.job(early), "status", "queued")
        InlineWorker(catalog.claim_order(["notification"]), connection, settings).work(burst=True)
        assert service.result(early) == {"how": "email"}


def test_redirects_are_not_followed(settings: Settings, site: Site) -> None:
    site.say("/hook", status=307, Location="http://127.0.0.1:6379/")
    prefer(settings, "webhook", site.url("/hook"))
    with pytest.raises(RejectedError, match="not followed"):
        jobs.notify(7, "hi")


def test_a_server_that_is_down_is_tried_again_and_holds_no_queue(settings: Settings, site: Site) -> None:
    site.say("/hook", status=503)
    prefer(settings, "webhook", site.url("/hook"))
    with pytest.raises(PartnerUnavailableError):
        jobs.notify(7, "hi")


def test_what_is_above_the_limit_stays_in_the_app(
    settings: Settings, site: Site, monkeypatch: pytest.MonkeyPatch, new_process: Callable[[], None]
) -> None:
    monkeypatch.setenv("QCTL_NOTIFICATIONS_PER_MINUTE", "2")
    new_process()
    prefer(settings, "webhook", site.url("/hook"))
    assert [jobs.notify(7, f"n{n}")["how"] for n in range(3)] == ["webhook", "webhook", "held"]
    assert len(site.asked) == 2
    assert kept(settings) == [("n0", "webhook"), ("n1", "webhook"), ("n2", None)]


@pytest.mark.parametrize(
    "bad",
    [
        {"text": ""},
        {"text": "x" * 10_001},
        {"text": "\ud800"},
        {"receiverId": "a\nb"},
        {"kind": "x" * 65},
        {"data": {"x": "y" * 70_000}},
    ],
    ids=lambda bad: ascii(bad)[:30],
)
def test_bad_notes_are_rejected(settings: Settings, bad: dict[str, Any]) -> None:
    with pytest.raises(RejectedError):
        jobs.notify(**{"receiverId": 7, "text": "hi", **bad})
    assert not settings.database.exists()
