"""Test the jobs of `notification`: in the app, and by webhook or email if the receiver chose that."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from typing import Any

import pytest
from redis import Redis

from qctl import catalog
from qctl.broker.redis import keys
from qctl.broker.worker.rq_adapter import QctlWorker
from qctl.errors import RejectedError
from qctl.http_client import PartnerUnavailableError
from qctl.jobs import notification as jobs
from qctl.jobs.follow_up_jobs import enqueue_follow_up
from qctl.service import QueueService
from qctl.settings import Settings
from qctl.store import notifications
from qctl.store.notifications import DeliveryPreference
from support.web import Site, web_server


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch, new_process: Callable[[], None]) -> Iterator[Site]:
    """A web server on an allowed host."""
    with web_server() as running:
        monkeypatch.setenv("QCTL_ALLOWED_HOSTS", running.host)
        new_process()
        running.reply("/hook")
        yield running


def prefer(settings: Settings, how: str, target: str | None = None) -> None:
    """Store a preference without the checks of the job: it was allowed when it was set."""
    with notifications.open_database(settings) as db:
        notifications.set_preference(db, "7", DeliveryPreference(how, target), datetime.now(timezone.utc))


def stored(settings: Settings) -> list[tuple[Any, ...]]:
    with notifications.open_database(settings) as db:
        return db.select("SELECT text, sent_by FROM notifications ORDER BY created_at, id")


def test_by_default_a_notification_is_stored_in_the_app_only(settings: Settings, connection: Redis) -> None:
    assert jobs.notify(7, "hi")["how"] == "app"
    assert stored(settings) == [("hi", None)]
    assert connection.keys("rq:queue:*") == []


def test_webhook_is_sent(settings: Settings, site: Site) -> None:
    prefer(settings, "webhook", site.url("/hook"))
    found = jobs.notify("7", "hi", "alert", {"n": 1})
    (request,) = site.requests
    body = json.loads(request.body)
    assert body == {"id": found["notificationId"], "receiverId": "7", "kind": "alert", "text": "hi", "data": {"n": 1}}
    assert request.headers["Idempotency-Key"] == found["notificationId"]
    assert stored(settings) == [("hi", "webhook")]


def test_ntfy_gets_the_text_and_the_kind_as_title(settings: Settings, site: Site) -> None:
    prefer(settings, "ntfy", site.url("/hook"))
    found = jobs.notify("7", "Grüße\nzwei Zeilen", "message")
    jobs.notify("7", "hi", "Störung")
    first, second = site.requests
    assert first.body.decode() == "Grüße\nzwei Zeilen"
    assert (first.headers["Title"], first.headers["Idempotency-Key"]) == ("message", found["notificationId"])
    assert "Title" not in second.headers
    assert [how for _, how in stored(settings)] == ["ntfy", "ntfy"]


def test_reruns_enqueue_one_email(settings: Settings, connection: Redis) -> None:
    prefer(settings, "email", "bob@example.org")
    enqueue_follow_up("notify", {"receiverId": 7, "text": "hi"}, id="one")
    for _ in range(2):
        QctlWorker(["notification"], connection, settings, "inline").work(burst=True)
        assert connection.hget(keys.job("one"), "status") == b"finished"
        connection.hset(keys.job("one"), "status", "queued")  # as a recovery does it
        connection.rpush(keys.queue("notification"), "one")
    assert connection.llen(keys.queue("email")) == 1
    QctlWorker(["email"], connection, settings, "inline").work(burst=True)
    (mail,) = (settings.home / "outbox").iterdir()
    assert b"To: bob@example.org" in mail.read_bytes()


@pytest.mark.parametrize(
    ("how", "target"),
    [
        ("webhook", "http://169.254.169.254/latest/meta-data"),
        ("webhook", "file:///etc/passwd"),
        ("webhook", "http://localhost:6379/"),
        ("ntfy", "http://169.254.169.254/topic"),
        ("email", "a@b.example\nBcc: c@d.example"),
        ("email", "nobody"),
    ],
)
def test_forbidden_target_is_rejected_and_the_notification_stays_in_the_app(
    settings: Settings, site: Site, connection: Redis, how: str, target: str
) -> None:
    prefer(settings, how, target)
    with pytest.raises(RejectedError):
        jobs.notify(7, "hi")
    assert stored(settings) == [("hi", None)]
    assert site.requests == []
    assert connection.llen(keys.queue("email")) == 0


@pytest.mark.parametrize(
    "bad",
    [
        {"by": "pigeon", "target": "x"},
        {"by": "webhook"},
        {"by": "webhook", "target": "http://169.254.169.254/latest/meta-data"},
        {"by": "webhook", "target": "file:///etc/passwd"},
        {"by": "ntfy"},
        {"by": "ntfy", "target": "http://169.254.169.254/topic"},
        {"by": "webhook", "target": "http://" + "x" * 500},
        {"by": "email", "target": " "},
        {"by": "email", "target": "a@b.example\nBcc: c@d.example"},
        {"receiverId": "", "by": "app"},
    ],
    ids=lambda bad: ascii(bad)[:40],
)
def test_invalid_preference_is_rejected(settings: Settings, site: Site, bad: dict[str, Any]) -> None:
    with pytest.raises(RejectedError):
        jobs.set_notification_preference(**{"receiverId": 7, **bad})
    assert not settings.database.exists()


def test_new_preference_applies_to_waiting_notifications(settings: Settings, site: Site, connection: Redis) -> None:
    with QueueService(settings) as service:
        service.notify(receiverId=7, text="hi")
        preference = service.set_notification_preference(receiverId="7", by="webhook", target=site.url("/hook"))
        QctlWorker(catalog.claim_order(["notification"]), connection, settings, "inline").work(burst=True)
        assert service.result(preference) == {"how": "webhook"}
        assert len(site.requests) == 1
        service.set_notification_preference(receiverId=7, by="app")
        service.notify(receiverId=7, text="hi again")
        QctlWorker(catalog.claim_order(["notification"]), connection, settings, "inline").work(burst=True)
    assert len(site.requests) == 1


def test_preference_created_later_wins_whichever_runs_first(settings: Settings, site: Site, connection: Redis) -> None:
    with QueueService(settings) as service:
        early = service.set_notification_preference(receiverId=7, by="webhook", target=site.url("/hook"), delay=1)
        service.set_notification_preference(receiverId=7, by="email", target="ann@example.org")
        QctlWorker(catalog.claim_order(["notification"]), connection, settings, "inline").work(burst=True)
        connection.rpush(keys.queue("notification.high"), early)
        connection.hset(keys.job(early), "status", "queued")
        QctlWorker(catalog.claim_order(["notification"]), connection, settings, "inline").work(burst=True)
        assert service.result(early) == {"how": "email"}


def test_redirect_is_not_followed(settings: Settings, site: Site) -> None:
    site.reply("/hook", status=307, Location="http://127.0.0.1:6379/")
    prefer(settings, "webhook", site.url("/hook"))
    with pytest.raises(RejectedError, match="not followed"):
        jobs.notify(7, "hi")


def test_unreachable_webhook_is_retried_and_pauses_no_queue(settings: Settings, site: Site) -> None:
    site.reply("/hook", status=503)
    prefer(settings, "webhook", site.url("/hook"))
    with pytest.raises(PartnerUnavailableError):
        jobs.notify(7, "hi")


def test_notifications_beyond_the_rate_limit_stay_in_the_app(
    settings: Settings, site: Site, monkeypatch: pytest.MonkeyPatch, new_process: Callable[[], None]
) -> None:
    monkeypatch.setenv("QCTL_NOTIFICATIONS_PER_MINUTE", "2")
    new_process()
    prefer(settings, "webhook", site.url("/hook"))
    assert [jobs.notify(7, f"n{n}")["how"] for n in range(3)] == ["webhook", "webhook", "held"]
    assert len(site.requests) == 2
    assert stored(settings) == [("n0", "webhook"), ("n1", "webhook"), ("n2", None)]


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
def test_invalid_notification_is_rejected(settings: Settings, bad: dict[str, Any]) -> None:
    with pytest.raises(RejectedError):
        jobs.notify(**{"receiverId": 7, "text": "hi", **bad})
    assert not settings.database.exists()
