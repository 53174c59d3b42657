"""Test Web Push against a push service with TLS, whose requests are verified and decrypted as browsers do it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from http_ece import ECEException
from redis import Redis

from qctl.broker.redis import keys
from qctl.broker.worker.rq_adapter import QctlWorker
from qctl.errors import RejectedError
from qctl.http_client import PartnerUnavailableError
from qctl.jobs import notification as jobs
from qctl.jobs import web_push
from qctl.jobs.follow_up_jobs import enqueue_follow_up
from qctl.settings import Settings
from qctl.store import notifications, push_subscriptions
from qctl.store.notifications import DeliveryPreference
from qctl.store.push_subscriptions import PushSubscription
from support.certificates import certified
from support.push import Browser, verified_claims
from support.web import Site, web_server

KEY = "6cRkQo1Kx5sTjT7XJx8b8nq0Qz3vT2oZ0w1b9k5yE2s"
CONTACT = "mailto:ops@shop.example"


@pytest.fixture
def push_service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, new_process: Callable[[], None]) -> Iterator[Site]:
    """A push service on an allowed host, whose certificate this process trusts."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certified(tmp_path)))
    with web_server(tmp_path / "server.pem") as service:
        monkeypatch.setenv("QCTL_ALLOWED_HOSTS", service.host)
        monkeypatch.setenv("QCTL_PUSH_KEY", KEY)
        monkeypatch.setenv("QCTL_PUSH_CONTACT", CONTACT)
        new_process()
        yield service


def subscribe(settings: Settings, *browsers: Browser) -> None:
    """Subscribe browsers of the receiver 7, who chose `push`."""
    with notifications.open_database(settings) as db:
        notifications.set_preference(db, "7", DeliveryPreference("push", None), datetime.now(timezone.utc))
    with push_subscriptions.open_database(settings) as db:
        for browser in browsers:
            keys = browser.subscription["keys"]
            push_subscriptions.add(db, "7", PushSubscription(browser.endpoint, keys["p256dh"], keys["auth"]))


def subscribed(settings: Settings) -> list[str]:
    with push_subscriptions.open_database(settings) as db:
        return [subscription.endpoint for subscription in push_subscriptions.read(db, "7")]


def test_each_browser_gets_the_notification_that_only_it_can_read(settings: Settings, push_service: Site) -> None:
    browsers = [Browser(push_service.url(f"/send/{n}")) for n in range(2)]
    for n in range(2):
        push_service.reply(f"/send/{n}", status=201)
    subscribe(settings, *browsers)
    found = jobs.notify(7, "Grüße 🐍", "message", {"messageId": "m1"})
    assert found["how"] == "push"
    content = {"id": found["notificationId"], "kind": "message", "text": "Grüße 🐍", "data": {"messageId": "m1"}}
    assert [browser.decrypt(request) for browser, request in zip(browsers, push_service.requests, strict=True)] == [
        content,
        content,
    ]
    first, second = push_service.requests
    with pytest.raises(ECEException):
        browsers[1].decrypt(first)
    site_key = web_push.PushIdentity(KEY, CONTACT).public_key()
    claims = verified_claims(first, site_key, push_service.url(""))
    assert claims["sub"] == CONTACT
    assert 0 < claims["exp"] - datetime.now(timezone.utc).timestamp() <= 86_400
    assert (first.headers["TTL"], len(first.headers["Topic"])) == ("86400", 32)
    assert first.headers["Topic"] == second.headers["Topic"]


@pytest.mark.parametrize("status", [404, 410])
def test_a_subscription_that_has_ended_is_deleted(settings: Settings, push_service: Site, status: int) -> None:
    ended, alive = Browser(push_service.url("/ended")), Browser(push_service.url("/alive"))
    push_service.reply("/ended", status=status)
    push_service.reply("/alive", status=201)
    subscribe(settings, ended, alive)
    assert jobs.notify(7, "hi")["how"] == "push"
    assert subscribed(settings) == [alive.endpoint]
    with push_subscriptions.open_database(settings) as db:
        push_subscriptions.remove(db, "7", PushSubscription(alive.endpoint, "", "").id)
    assert jobs.notify(7, "hi again")["how"] == "app"


def test_a_retry_pushes_only_to_browsers_that_have_not_got_it(
    settings: Settings, push_service: Site, connection: Redis
) -> None:
    first, second = Browser(push_service.url("/first")), Browser(push_service.url("/second"))
    push_service.reply("/first", status=201)
    push_service.reply("/second", status=503)
    subscribe(settings, first, second)
    enqueue_follow_up("notify", {"receiverId": 7, "text": "hi"}, id="one")
    QctlWorker(["notification"], connection, settings, "inline").work(burst=True)
    assert connection.hget(keys.job("one"), "status") == b"scheduled"
    assert [request.path for request in push_service.requests] == ["/first", "/second"]
    push_service.reply("/second", status=201)
    connection.zrem(keys.scheduled("notification"), "one")
    connection.hset(keys.job("one"), "status", "queued")
    connection.rpush(keys.queue("notification"), "one")
    QctlWorker(["notification"], connection, settings, "inline").work(burst=True)
    assert connection.hget(keys.job("one"), "status") == b"finished"
    *_, last = push_service.requests
    assert (len(push_service.requests), last.path, second.decrypt(last)["text"]) == (3, "/second", "hi")
    with push_subscriptions.open_database(settings) as db:
        assert push_subscriptions.pushed_to(db, "one") == set()


def test_a_push_service_that_stays_away_makes_a_dead_letter_after_the_retries(
    settings: Settings, push_service: Site
) -> None:
    push_service.reply("/away", status=503)
    subscribe(settings, Browser(push_service.url("/away")))
    with pytest.raises(PartnerUnavailableError, match="503"):
        jobs.notify(7, "hi")
    push_service.reply("/away", status=403)
    with pytest.raises(RejectedError, match="403"):
        jobs.notify(7, "hi")
    assert len(subscribed(settings)) == 1


def test_a_long_notification_fits_into_one_message(settings: Settings, push_service: Site) -> None:
    push_service.reply("/send", status=201)
    browser = Browser(push_service.url("/send"))
    subscribe(settings, browser)
    jobs.notify(7, "🐍" * 10_000, "message", {"n": "x" * 50_000})
    content = browser.decrypt(push_service.requests[0])
    assert content["data"] is None
    assert content["text"].startswith("🐍" * 500)
    assert content["text"].endswith("\u2026")
    assert len(json.dumps(content, ensure_ascii=False).encode()) <= web_push.MAX_PAYLOAD_BYTES


def test_a_stored_endpoint_cannot_leave_the_allowed_hosts(settings: Settings, push_service: Site) -> None:
    for endpoint in ("https://169.254.169.254/latest", f"http://{push_service.host}/send"):
        subscribe(settings, Browser(endpoint))
    with pytest.raises(RejectedError):
        jobs.notify(7, "hi")
    assert push_service.requests == []


def test_a_certificate_that_is_not_trusted_is_refused(
    settings: Settings, push_service: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    push_service.reply("/send", status=201)
    subscribe(settings, Browser(push_service.url("/send")))
    with pytest.raises(RejectedError, match="certificate"):
        jobs.notify(7, "hi")
    assert push_service.requests == []


def test_push_needs_its_settings(settings: Settings, new_process: Callable[[], None]) -> None:
    with pytest.raises(RejectedError, match="QCTL_PUSH_KEY"):
        jobs.set_notification_preference(7, "push")


def test_push_is_chosen_without_a_target(settings: Settings, push_service: Site) -> None:
    assert jobs.set_notification_preference(7, "push") == {"how": "push"}


def test_a_receiver_has_ten_browsers_at_most(settings: Settings, push_service: Site) -> None:
    browsers = [Browser(push_service.url(f"/send/{n}")) for n in range(11)]
    subscribe(settings, *browsers)
    assert subscribed(settings) == [browser.endpoint for browser in browsers[1:]]


def test_a_browser_notifies_the_user_who_subscribed_it_last(settings: Settings, push_service: Site) -> None:
    browser = Browser(push_service.url("/send"))
    subscribe(settings, browser)
    keys: Any = browser.subscription["keys"]
    with push_subscriptions.open_database(settings) as db:
        assert push_subscriptions.add(db, "8", PushSubscription(browser.endpoint, keys["p256dh"], keys["auth"])) == 1
        assert push_subscriptions.read(db, "7") == []
