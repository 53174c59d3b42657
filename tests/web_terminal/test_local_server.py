"""`qctl monitor --web`: its options, and access by token, cookie, host and origin.

What the terminal shows is tested at the gateway's panel, which serves the same sessions."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from redis import Redis
from rq import Queue
from rq.serializers import JSONSerializer

from conftest import _serve
from qctl.broker.redis import keys
from qctl.tui.replay.recorder import RecordingFile, record
from support.browser import Chromium
from support.servers import RedisServer
from support.waiting import eventually
from support.web_monitor import WebMonitor
from support.web_terminal import upgrade_status
from tui.fake import MonitorOps

Serve = Callable[..., AbstractContextManager[WebMonitor]]


@pytest.fixture
def serve(tmp_path: Path, redis_server: RedisServer) -> Serve:
    """Starts a server with these options."""

    @contextmanager
    def served(*options: str) -> Iterator[WebMonitor]:
        with WebMonitor(tmp_path, redis_server.url, *options) as web:
            assert isinstance(web, WebMonitor)
            yield web

    return served


@pytest.fixture
def chromium(tmp_path: Path) -> Iterator[Chromium]:
    """A browser."""
    yield from _serve(lambda: Chromium(tmp_path))


def test_the_token_admits_one_browser_once(serve: Serve) -> None:
    with serve() as web:
        assert web.host.startswith("127.0.0.1:")
        listening = {c.laddr.ip for c in psutil.Process(web.pid).net_connections() if c.status == "LISTEN"}
        assert listening == {"127.0.0.1"}
        assets = ("/assets/textual.js", "/assets/terminal.js")
        for path in ("/", "/?token=", "/?token=wrong", "/?token=%C3%A4", "/socket", *assets):
            assert web.get(path).status == 403
        for host in ("evil.example", f"evil.example:{web.host.partition(':')[2]}", "", "127.0.0.1.evil.example"):
            assert web.get(web.token, Host=host).status in (400, 403)
        assert web.get(web.token, Origin="http://evil.example").status == 403

        accepted = web.get(web.token)
        set_cookie = accepted.headers["Set-Cookie"]
        assert accepted.status == 200
        assert "HttpOnly" in set_cookie
        assert "SameSite=strict" in set_cookie
        assert web.get(web.token).status == 403

        cookie = set_cookie.partition(";")[0]
        page = web.get("/", Cookie=cookie)
        assert page.status == 200
        assert "https://" not in page.text  # type: ignore[attr-defined]
        assert "default-src 'none'" in page.headers["Content-Security-Policy"]
        assert page.headers["Cache-Control"] == "no-store"
        assert page.headers["X-Content-Type-Options"] == "nosniff"
        assert all(web.get(path, Cookie=cookie).status == 200 for path in assets)
        assert web.get("/assets/page.py", Cookie=cookie).status == 404
        assert web.get("/", Cookie=cookie, Host="evil.example").status == 403
        assert web.get("/", Cookie=cookie, Host="localhost:9999").status == 200  # forwarded by ssh
        assert web.get("/", Cookie=f"{cookie}x").status == 403


def test_only_the_own_page_opens_a_web_socket(serve: Serve) -> None:
    with serve() as web:
        cookie = web.cookie()
        own = f"http://{web.host}"
        assert upgrade_status(web.socket_url, origin=own, cookie=None) == 403
        assert upgrade_status(web.socket_url, origin=None, cookie=cookie) == 403
        assert upgrade_status(web.socket_url, origin="http://evil.example", cookie=cookie) == 403
        assert upgrade_status(web.socket_url, origin="http://localhost:1", cookie=cookie) == 403
        assert not web.processes()
        assert upgrade_status(web.socket_url, origin=own, cookie=cookie) == 101


def test_a_browser_opens_the_printed_address(serve: Serve, chromium: Chromium, connection: Redis) -> None:
    Queue("apples", connection=connection, serializer=JSONSerializer).enqueue("support.jobs.give", 1)
    with serve() as web:
        chromium.go(web.url)
        chromium.until("connected")
        chromium.press("2")
        chromium.until("apples")
        assert chromium.run("location.href") == f"http://{web.host}/"
        assert not [text for text in chromium.console_errors if "Content Security Policy" in text]


def test_it_is_read_only_and_ends_with_its_server(serve: Serve, connection: Redis) -> None:
    Queue("apples", connection=connection, serializer=JSONSerializer).enqueue("support.jobs.give", 1)
    with serve() as web:
        session = web.open()
        session.until("connected")
        session.press("2")
        session.until("[2 Queues]")
        session.until("apples")
        session.press("p")
        session.until("refused")
        processes = web.processes()
        assert processes
        assert "redis" not in " ".join(word for process in processes for word in process.cmdline())
        web.send(signal.SIGKILL)
        eventually(lambda: not [process for process in processes if process.is_running()], what="end of the sessions")
        session.close()
    assert not connection.exists(keys.PAUSED)


def test_it_replays_a_recording(serve: Serve, tmp_path: Path) -> None:
    file = tmp_path / "seen.jsonl"
    recording = RecordingFile(file, "redis://then:6379/0")
    fake: Any = MonitorOps()
    record(fake, recording).stats.read()
    recording.close()
    with serve("--replay", str(file)) as web:
        session = web.open()
        session.until("redis://then:6379/0")
        session.press("2")
        session.until("[2 Queues]")
        session.until("1204")
        session.press("p")
        session.until("refused: this is a recording")
        session.close()


def test_actions_are_allowed_by_option(serve: Serve, connection: Redis) -> None:
    Queue("apples", connection=connection, serializer=JSONSerializer).enqueue("support.jobs.give", 1)
    with serve("--allow-actions") as web:
        session = web.open()
        session.until("connected")
        session.press("2")
        session.until("[2 Queues]")
        session.until("apples")
        session.press("p")
        session.until("Pause apples")
        session.press("\r\r")
        eventually(lambda: connection.hexists(keys.PAUSED, "apples"), what="pause of apples")
        processes = web.processes()
        assert web.stop() == 0
        eventually(lambda: not [process for process in processes if process.is_running()], what="end of the sessions")
        session.close()
