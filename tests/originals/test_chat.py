"""The chat's clients against the profile: messages that arrive live, conversations, the cookie, and its queues."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from string import Template
from typing import Any

import pytest

from originals.conftest import MakeOriginal
from qctl.broker.bookkeeping import inbox
from support.browser import Chromium
from support.certificates import certified
from support.gateway import PASSWORD, SECRET, Client, Gateway
from support.live import LiveClient
from support.node import RECENT
from support.originals import Original
from support.push import Browser, verified_claims
from support.servers import RedisServer
from support.waiting import eventually
from support.web import Site, web_server

ADMIN_KEY = "the-admin-key-of-all-these-tests-of-2026"
PUSH_KEY = "6cRkQo1Kx5sTjT7XJx8b8nq0Qz3vT2oZ0w1b9k5yE2s"
PAGE = Path(__file__).with_name("chat.html")


@pytest.fixture
def pages() -> Iterator[Site]:
    """A server of pages, whose origin the chat lists."""
    with web_server() as site:
        yield site


@pytest.fixture
def site(make_original: MakeOriginal, redis_server: RedisServer, pages: Site) -> Iterator[Original]:
    """The chat's documented settings."""
    addresses = {"REDIS_HOST": "127.0.0.1", "REDIS_PORT": str(redis_server.port), "QUEUE_ADMIN_KEY": ADMIN_KEY}
    more = {"FRONTEND_URL": f"http://localhost:5173,{pages.url('')}", "QCTL_GATEWAY_SECRET": SECRET}
    original = make_original("chat", addresses, **more, QUEUE_DEFAULT_ATTEMPTS="0")
    original.start()
    yield original
    assert original.stop() == 0


def user(http: Client, name: str) -> tuple[str, str]:
    """The id and the token of a new user."""
    who = {"email": f"{name}@example.com", "password": PASSWORD}
    created = http.request("POST", "/user/create", {**who, "username": name})
    assert created.status == 201, created.body
    return created.json["_id"], http.request("POST", "/login", who).json["jwt"]


def messages(live: LiveClient) -> list[dict[str, Any]]:
    return [record["content"] for record in live.records_of("event") if record["name"] == "newMessage"]


def notifications(live: LiveClient) -> list[dict[str, Any]]:
    return [record["content"] for record in live.records_of("event") if record["name"] == "notification"]


def test_a_message_reaches_its_receiver_at_any_gateway_and_after_a_reconnect(
    site: Original, redis_server: RedisServer, tmp_path: Path
) -> None:
    http = site.http
    ada, ada_token = user(http, "ada")
    bob, bob_token = user(http, "bob")
    _, eve_token = user(http, "eve")
    folder = tmp_path / "other"
    folder.mkdir()
    with (
        Gateway(folder, redis_server.url, QCTL_PROFILE="chat", QCTL_HOME=str(site.home)) as other,
        LiveClient(tmp_path, http.url, ada_token, name="ada") as at_ada,
        LiveClient(tmp_path, other.url, bob_token, name="bob") as at_bob,
        LiveClient(tmp_path, other.url, eve_token, name="eve") as at_eve,
    ):
        for client in (at_ada, at_bob, at_eve):
            eventually(lambda one=client: one.records_of("event"), what="its first counts")
        sent = http.request("POST", f"/api/messages/send/{bob}", {"text": "hello", "image": ""}, ada_token)
        assert (sent.status, sent.json["messageId"]) == (202, sent.json["jobId"])
        eventually(lambda: messages(at_bob), what="the message at its receiver")
        (message,) = messages(at_bob)
        assert message.pop("createdAt").endswith("Z")
        expected = {"_id": sent.json["messageId"], "senderId": ada, "receiverId": bob, "text": "hello", "image": None}
        assert message == {**expected, "file": None}
        eventually(lambda: messages(at_ada), what="the message at its sender's page")

        at_bob.drop()
        eventually(lambda: at_bob.records_of("disconnect"), what="the disconnect")
        http.request("POST", f"/api/messages/send/{bob}", {"text": "while away"}, ada_token)
        eventually(lambda: len(messages(at_ada)) == 2, what="the second message at its sender")
        at_bob.reconnect()
        eventually(lambda: len(messages(at_bob)) == 2, what="the message that was missed")
        assert not messages(at_eve)

        eventually(lambda: len(notifications(at_bob)) == 2, what="the notifications at the receiver")

    notices = notifications(at_bob)
    assert [(each["kind"], each["senderId"]) for each in notices] == [("message", ada)] * 2
    assert not notifications(at_ada)
    unread = http.request("GET", "/api/messages/unread", token=bob_token).json
    assert (unread["unreadCount"], unread["senders"]) == (2, {ada: 2})
    assert http.request("POST", f"/api/messages/{ada}/read", token=bob_token).json["unreadCount"] == 0
    assert http.request("GET", "/api/messages/unread").status == 401

    found = http.request("GET", f"/api/messages/{ada}", token=bob_token)
    assert [each["text"] for each in found.json] == ["hello", "while away"]
    assert found.json == http.request("GET", f"/api/messages/{bob}", token=ada_token).json
    newest = http.request("GET", f"/api/messages/{ada}?limit=1", token=bob_token).json
    oldest = http.request("GET", f"/api/messages/{ada}?limit=1&page=2", token=bob_token).json
    assert [each["text"] for each in (*newest, *oldest)] == ["while away", "hello"]
    assert http.request("GET", f"/api/messages/{ada}", token=eve_token).json == []
    assert http.request("GET", f"/api/messages/{ada}").status == 401
    assert http.request("GET", f"/api/messages/{ada}?limit=201", token=bob_token).status == 400


def test_the_cookie_of_a_login_is_for_listed_pages_alone(site: Original, pages: Site) -> None:
    http = site.http
    bob, _ = user(http, "bob")
    login = http.request("POST", "/login", {"email": "bob@example.com", "password": PASSWORD})
    cookie = login.headers["Set-Cookie"]
    assert cookie.startswith("jwt=")
    assert {"HttpOnly", "SameSite=strict"} <= {part.strip() for part in cookie.split(";")}
    own = {"Cookie": cookie.partition(";")[0]}
    send = f"/api/messages/send/{bob}"
    assert http.request("POST", send, {"text": "x"}, **own).status == 202
    assert http.request("POST", send, {"text": "x"}, **own, Origin=pages.url("")).status == 202
    for foreign in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec_Fetch_Site": "cross-site"}):
        assert http.request("POST", send, {"text": "x"}, **own, **foreign).status == 401, foreign
    listed = http.request("GET", "/job", **own, Origin=pages.url(""))
    assert listed.headers["Access-Control-Allow-Credentials"] == "true"
    assert listed.headers["Access-Control-Allow-Origin"] == pages.url("")
    assert http.request("GET", "/sync", Origin="https://evil.example").headers["Access-Control-Allow-Origin"] is None
    out = http.request("POST", "/logout", **own)
    assert 'jwt=""' in out.headers["Set-Cookie"]
    assert http.request("GET", "/job", **own).status == 401


def test_without_the_profile_there_is_no_cookie(tmp_path: Path, redis_server: RedisServer) -> None:
    with Gateway(tmp_path, redis_server.url) as gateway:
        token = gateway.user("bob@example.com")
        login = gateway.request("POST", "/login", {"email": "bob@example.com", "password": PASSWORD})
        assert login.headers["Set-Cookie"] is None
        assert gateway.request("GET", "/job", Cookie=f"jwt={token}").status == 401
        answer = gateway.request("GET", "/sync", Origin="http://localhost:3000")
        assert answer.headers["Access-Control-Allow-Credentials"] is None


def test_a_page_chats_by_its_cookie(site: Original, pages: Site, chromium: Chromium, socketio_client: Path) -> None:
    bob, _ = user(site.http, "bob")
    page = Template(PAGE.read_text()).safe_substitute(gateway=site.http.url)
    scripts = socketio_client / "node_modules"
    with web_server() as foreign:
        for server in (pages, foreign):
            server.reply("/", page.encode(), Content_Type="text/html")
            for path, script in (
                ("/socket.io.min.js", scripts / f"v{RECENT}" / "dist" / "socket.io.min.js"),
                ("/axios.min.js", scripts / "axios" / "dist" / "axios.min.js"),
            ):
                server.reply(path, script.read_bytes(), Content_Type="text/javascript")
        chromium.go(pages.url("/"))
        eventually(lambda: chromium.run("typeof io === 'function' && typeof window.send === 'function'"))
        chromium.run(f"void window.logIn('bob@example.com', {PASSWORD!r})")
        eventually(lambda: chromium.run("window.state") == "connected", what="the live connection")
        chromium.run(f"void window.send({bob!r}, 'note to self')")
        shown = "document.querySelector('#messages').textContent"
        eventually(lambda: chromium.run(shown) == "note to self", what="the message on the page")
        chromium.go(foreign.url("/"))
        eventually(lambda: chromium.run("typeof window.send === 'function'"))
        chromium.run(f"void window.send({bob!r}, 'forged')")
        eventually(lambda: chromium.run("window.sent") == "blocked", what="the refusal of another page")
    token = site.http.request("POST", "/login", {"email": "bob@example.com", "password": PASSWORD}).json["jwt"]
    found = site.http.request("GET", f"/api/messages/{bob}", token=token).json
    assert [message["text"] for message in found] == ["note to self"]


def test_an_inbox_with_something_else_stops_nobody(site: Original, redis_server: RedisServer, tmp_path: Path) -> None:
    """An inbox may hold anything that a program with access to Redis wrote."""
    bob, token = user(site.http, "bob")
    connection = redis_server.connect()
    with LiveClient(tmp_path, site.http.url, token, name="bob") as live:
        eventually(lambda: live.records_of("event"), what="its first counts")
        for n, content in enumerate(({}, {"id": 7, "senderId": []}, {"text": "no id"})):
            inbox.deliver(connection, bob, f"odd-{n}", content)
        sent = site.http.request("POST", f"/api/messages/send/{bob}", {"text": "still here"}, token)
        assert sent.status == 202
        eventually(lambda: messages(live), what="the message after them")
        assert [message["text"] for message in messages(live)] == ["still here"]
    connection.close()


def test_a_message_is_pushed_to_the_browsers_of_its_receiver(
    make_original: MakeOriginal, redis_server: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certified(tmp_path)))
    with web_server(tmp_path / "server.pem") as push_service:
        push_service.reply("/send/bob", status=201)
        push = {"QCTL_PUSH_KEY": PUSH_KEY, "QCTL_PUSH_CONTACT": "mailto:ops@shop.example"}
        addresses = {"REDIS_HOST": "127.0.0.1", "REDIS_PORT": str(redis_server.port)}
        site = make_original("chat", addresses, QCTL_ALLOWED_HOSTS=push_service.host, **push)
        site.start()
        _, ada_token = user(site.http, "ada")
        bob, bob_token = user(site.http, "bob")
        site_key = site.http.request("GET", "/api/push/key", token=bob_token).json["publicKey"]
        browser = Browser(push_service.url("/send/bob"))
        subscribed = site.http.request("POST", "/api/push/subscriptions", browser.subscription, bob_token)
        assert subscribed.status == 201, subscribed.body
        chosen = {"name": "set-notification-preference", "data": {"by": "push"}}
        job = site.http.request("POST", "/job/create", chosen, bob_token).json["job"]["_id"]
        eventually(
            lambda: (
                [each["status"] for each in site.http.request("GET", "/job", token=bob_token).json["jobs"]]
                == ["completed"]
            ),
            what=f"the preference of job {job}",
        )
        sent = site.http.request("POST", f"/api/messages/send/{bob}", {"text": "hello"}, ada_token).json
        eventually(lambda: push_service.requests, what="the push")
        (request,) = push_service.requests
        message = browser.decrypt(request)
        assert (message["kind"], message["text"], message["data"]["messageId"]) == (
            "message",
            "hello",
            sent["messageId"],
        )
        verified_claims(request, site_key, push_service.url(""))
        assert site.stop() == 0


def test_its_queues(site: Original) -> None:
    http = site.http
    _, token = user(http, "bob")
    key = {"X_Admin_Key": ADMIN_KEY}
    preference = {"name": "set-notification-preference", "data": {"by": "webhook", "target": "http://evil.example"}}
    ids = [http.request("POST", "/job/create", preference, token).json["job"]["_id"] for _ in range(2)]

    def dead() -> int:
        failed: int = http.request("GET", "/api/messages/queue/stats").json["stats"]["notification"]["failed"]
        return failed

    eventually(lambda: dead() == 2, what="two dead letters")
    assert http.request("POST", "/api/messages/queue/email/retry", {"jobId": ids[0]}, **key).status == 404
    one = http.request("POST", "/api/messages/queue/notification/retry", {"jobId": ids[0]}, **key)
    assert (one.status, one.json["retriedCount"], one.json["done"]) == (200, 1, 1)
    eventually(lambda: dead() == 2, what="its second failure")
    cleared = http.request("DELETE", "/api/messages/queue/notification/failed", **key)
    assert (cleared.status, cleared.json["clearedCount"]) == (200, 2)
    health = http.request("GET", "/api/messages/queue/health").json
    assert health["overall"] in ("healthy", "unhealthy")
    assert health["overall"] == ("healthy" if health["status"] == "ok" else "unhealthy")
    assert health["queues"].keys() == {"message", "notification", "email"}
