"""The panel of queues: access, the screens in a real Chromium, and the end of sessions."""

from __future__ import annotations

import http.client
import io
import secrets
import signal
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlencode

import psutil
import pytest
from PIL import Image
from redis import Redis
from rq import Queue
from rq.serializers import JSONSerializer

from qctl.broker.redis import keys
from qctl.gateway.doors import KEY as KEY_DOOR
from qctl.gateway.tokens import PANEL_AUDIENCE, Tokens
from qctl.ops import Ops
from qctl.settings import Settings
from qctl.store.users import SqliteUsers, new_user
from support.browser import Chromium
from support.gateway import SECRET, Gateway
from support.waiting import PATIENCE_SECONDS, eventually
from support.web_terminal import TerminalSession, upgrade_status

KEY = "the-admin-key-of-all-these-tests-of-2026"

PATHS = ("/admin/queues", "/api/admin/queues")

MakeGateway = Callable[..., Gateway]


@pytest.fixture
def gateway(shared_gateway: Gateway) -> Gateway:
    """A gateway with a read-only panel. Tests share its limit of ten wrong keys a minute."""
    return shared_gateway


def request(
    gateway: Gateway, method: str, path: str, form: str | None = None, **headers: str
) -> http.client.HTTPResponse:
    """Send a request. Returns the answer, also a redirect, with its body as `text`."""
    client = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=PATIENCE_SECONDS)
    kind = {"Content-Type": "application/x-www-form-urlencoded"} if form is not None else {}
    try:
        client.request(method, path, form, {**kind, **headers})
        answer = client.getresponse()
        answer.text = answer.read().decode()  # type: ignore[attr-defined]
        return answer
    finally:
        client.close()


def log_in(gateway: Gateway, key: str = KEY, path: str = PATHS[0], **headers: str) -> http.client.HTTPResponse:
    """Submit the login form."""
    return request(gateway, "POST", f"{path}/login", urlencode({"key": key}), **headers)


def cookie_of(answer: http.client.HTTPResponse) -> str:
    """The cookie that an answer sets, as a browser sends it."""
    return str(answer.headers["Set-Cookie"]).partition(";")[0]


def open_panel(gateway: Gateway, cookie: str, path: str = PATHS[0]) -> TerminalSession:
    """Open a session, as the page does."""
    url = f"ws://127.0.0.1:{gateway.port}{path}/socket?width=100&height=30"
    return TerminalSession(url, origin=gateway.url, cookie=cookie)


def refusal(gateway: Gateway, cookie: str | None, origin: str | None) -> int:
    """The status with which the gateway answers the request to open the web socket."""
    return upgrade_status(f"ws://127.0.0.1:{gateway.port}/admin/queues/socket", origin=origin, cookie=cookie)


def panels(gateway: Gateway) -> list[psutil.Process]:
    """The monitor processes of all sessions."""
    monitors = []
    for process in psutil.Process(gateway.pid).children(recursive=True):
        try:
            monitors += [process] if "monitor" in process.cmdline() else []
        except psutil.NoSuchProcess:  # it is just ending
            monitors.append(process)
    return monitors


@pytest.mark.parametrize("path", PATHS)
def test_the_admin_key_is_exchanged_for_a_cookie(gateway: Gateway, path: str) -> None:
    form = request(gateway, "GET", path)
    assert form.status == 401
    assert 'action="queues/login"' in form.text  # type: ignore[attr-defined]
    assert "form-action 'self'" in form.headers["Content-Security-Policy"]
    for wrong in ("", "ä", KEY + "x"):
        assert log_in(gateway, wrong, path).status in (400, 401, 403)

    entered = log_in(gateway, path=path, Origin=gateway.url)
    assert entered.status == 303
    assert entered.headers["Location"] == "../queues"
    set_cookie = entered.headers["Set-Cookie"]
    assert f"Path={path};" in set_cookie
    assert "HttpOnly" in set_cookie
    assert "SameSite=strict" in set_cookie
    assert "Secure" not in set_cookie
    assert "Secure" in log_in(gateway, path=path, **{"X-Forwarded-Proto": "https"}).headers["Set-Cookie"]

    page = request(gateway, "GET", path, Cookie=cookie_of(entered))
    assert page.status == 200
    assert "queues/assets/textual.js" in page.text  # type: ignore[attr-defined]
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert page.headers["X-Frame-Options"] == "DENY"
    assert request(gateway, "GET", f"{path}/assets/terminal.js").status == 200
    assert request(gateway, "GET", f"{path}/assets/..%2fpanel.py").status in (400, 404)
    assert request(gateway, "GET", path, **{"X-Admin-Key": KEY}).status == 200
    assert request(gateway, "GET", path, **{"X-Admin-Key": "wrong"}).status == 401
    assert KEY not in gateway.output


def test_wrong_keys_are_throttled(make_gateway: MakeGateway) -> None:
    gateway = make_gateway(QUEUE_ADMIN_KEY=KEY)
    statuses = [log_in(gateway, "wrong").status for _ in range(KEY_DOOR.address_limit + 1)]
    assert statuses == [401] * KEY_DOOR.address_limit + [429]
    assert log_in(gateway).status == 429
    assert request(gateway, "GET", PATHS[0], **{"X-Admin-Key": KEY}).status == 429


def test_other_pages_and_other_tokens_are_refused(gateway: Gateway) -> None:
    for origin in ("http://evil.example", "null", f"{gateway.url}.evil.example", "http://[evil"):
        assert log_in(gateway, Origin=origin).status == 403
    cookie = cookie_of(log_in(gateway))
    assert refusal(gateway, cookie, "http://evil.example") == 403
    assert refusal(gateway, cookie, None) == 403
    assert refusal(gateway, None, gateway.url) == 403
    assert refusal(gateway, f"{cookie}x", gateway.url) == 403
    assert refusal(gateway, f"qctl-panel={Tokens(SECRET, 3600).issue('ada', 'admin')}", gateway.url) == 403
    token = cookie.partition("=")[2]
    assert gateway.request("GET", "/job", token=token).status == 401, "it is good for nothing else"
    assert gateway.request("POST", "/api/queues/pause/email", {}, token).status == 401
    assert not panels(gateway)


def test_an_admins_token_opens_it_until_it_expires(gateway: Gateway) -> None:
    users = SqliteUsers(Settings.load({"QCTL_HOME": str(gateway.folder)}))
    admin = new_user(f"{secrets.token_hex(8)}@example.com", "Ada", "$none", "admin")
    assert users.add(admin)
    assert log_in(gateway, gateway.token(admin.id)).status == 403
    soon = gateway.token(admin.id, "admin", 9)
    session = open_panel(gateway, cookie_of(log_in(gateway, soon)))
    session.until("connected")
    assert session.close_reason() == (1000, "the login has expired: log in again")
    eventually(lambda: not panels(gateway), what="end of the process")
    cookie = cookie_of(log_in(gateway, gateway.token(admin.id, "admin")))
    assert request(gateway, "GET", PATHS[0], Cookie=cookie).status == 200
    users.delete(admin)
    assert request(gateway, "GET", PATHS[0], Cookie=cookie).status == 401
    users.close()


def test_a_browser_sees_the_screens(gateway: Gateway, chromium: Chromium, connection: Redis, tmp_path: Path) -> None:
    Queue("apples", connection=connection, serializer=JSONSerializer).enqueue("support.jobs.give", 1)
    chromium.go(f"{gateway.url}/admin/queues")
    eventually(lambda: chromium.run("!!document.querySelector('#key')"), what="the form")
    chromium.run(f"document.querySelector('#key').value = {KEY!r}; document.querySelector('form').submit()")
    chromium.until("connected")
    chromium.press("2")
    chromium.until("[2 Queues]")
    chromium.until("apples")
    assert chromium.run("location.href") == f"{gateway.url}/admin/queues"
    assert not chromium.run("document.cookie")
    assert not [text for text in chromium.console_errors if "Content Security Policy" in text]
    picture = Image.open(io.BytesIO(chromium.screenshot()))
    picture.save(tmp_path / "panel.png")
    drawn = picture.convert("RGB").getcolors(1 << 24) or []
    assert len(drawn) > 50, "letters are drawn, in colours"
    assert max(count for count, _ in drawn) < picture.width * picture.height * 0.98
    chromium.run("document.querySelector('form').submit()")
    eventually(lambda: chromium.run("!!document.querySelector('#key')"), what="the form again")
    eventually(lambda: not panels(gateway), what="end of the process")


def test_it_is_read_only_and_ends_with_its_session(make_gateway: MakeGateway, connection: Redis) -> None:
    gateway = make_gateway(QUEUE_ADMIN_KEY=KEY)
    Queue("apples", connection=connection, serializer=JSONSerializer).enqueue("support.jobs.give", 1)
    cookie = cookie_of(log_in(gateway))
    session = open_panel(gateway, cookie, PATHS[1])
    session.until("connected")
    session.press("2")
    session.until("[2 Queues]")
    session.until("apples")
    session.press("p")
    session.until("refused")
    session.press(":")
    session.until("the command line is disabled here")
    session.socket.close()
    eventually(lambda: not panels(gateway), what="end of the process that nobody looks at")
    assert not connection.exists(keys.PAUSED)

    session = open_panel(gateway, cookie)
    session.until("connected")
    for nonsense in ('["resize", {"width": 1e999, "height": null}]', '{"no": "list"}', '["stdin", 7]', "["):
        session.socket.send(nonsense)
    assert session.close_reason()[0] == 1000

    session = open_panel(gateway, cookie)
    session.until("connected")
    assert request(gateway, "POST", "/admin/queues/logout", "", Cookie=cookie).status == 303
    assert session.close_reason() == (1000, "you have logged out")
    assert refusal(gateway, cookie, gateway.url) == 403, "the login has ended"

    session = open_panel(gateway, cookie_of(log_in(gateway)))
    session.until("connected")
    shown = panels(gateway)
    assert gateway.stop() == 0
    assert session.close_reason()[0] == 1012
    eventually(lambda: not [process for process in shown if process.is_running()], what="end of the process")


def test_allowed_actions_are_signed_by_the_operator(make_gateway: MakeGateway, connection: Redis, ops: Ops) -> None:
    gateway = make_gateway(QUEUE_ADMIN_KEY=KEY, QCTL_GATEWAY_PANEL="act")
    Queue("apples", connection=connection, serializer=JSONSerializer).enqueue("support.jobs.give", 1)
    session = open_panel(gateway, cookie_of(log_in(gateway)))
    session.until("connected")
    session.press("2")
    session.until("[2 Queues]")
    session.until("apples")
    session.press(":")
    session.until("the command line is disabled here")
    session.press("p")
    session.until("Pause apples")
    session.press("\r\r")
    eventually(lambda: connection.hexists(keys.PAUSED, "apples"), what="pause of apples")
    eventually(lambda: [act.actor.partition("@")[0] for act in ops.audit.list()] == ["admin-key"], what="the note")
    (opened,) = [line for line in gateway.log if line.get("event") == "panel opened"]
    assert [act.trace for act in ops.audit.list()] == [opened["traceId"]]
    shown = panels(gateway)
    gateway.send(signal.SIGKILL)
    eventually(lambda: not [process for process in shown if process.is_running()], what="end of what was left alone")


def test_it_can_be_switched_off(make_gateway: MakeGateway) -> None:
    gateway = make_gateway(QUEUE_ADMIN_KEY=KEY, QCTL_GATEWAY_PANEL="off")
    assert request(gateway, "GET", "/admin/queues", **{"X-Admin-Key": KEY}).status == 404
    assert log_in(gateway).status == 404
    cookie = f"qctl-panel={Tokens(SECRET, 60, PANEL_AUDIENCE).issue('admin-key', 'keeper')}"
    assert refusal(gateway, cookie, gateway.url) == 403
    assert gateway.request("GET", "/admin/queues/info").json["panel"] is None
