"""The monitor in a browser: who gets in, what a real Chromium shows, and who may only look."""

from __future__ import annotations

import http.client
import io
import json
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest
import websocket
from PIL import Image
from redis import Redis
from rq import Queue
from rq.serializers import JSONSerializer

from conftest import _serve
from qctl.broker.redis import keys
from qctl.tui.replay.recorder import RecordingFile, record
from support.browser import Chromium
from support.process import Program
from support.servers import RedisServer
from support.waiting import eventually
from tui.fake import MonitorOps

QCTL = str(Path(sys.executable).with_name("qctl"))


class Served(Program):
    """`qctl monitor --web` on any port that is free."""

    def __init__(self, folder: Path, redis: str, *options: str) -> None:
        command = [QCTL, "monitor", "--web", "--port", "0", *options]
        super().__init__("web", command, folder, {"REDIS_URL": redis}, says="?token=")

    @property
    def url(self) -> str:
        """Where it says that one should go."""
        return next(line for line in self.output.splitlines() if "?token=" in line)

    @property
    def host(self) -> str:
        """Where that is."""
        return urlsplit(self.url).netloc

    @property
    def token(self) -> str:
        """The path with the token."""
        return f"/?{urlsplit(self.url).query}"

    def get(self, path: str, **headers: str) -> http.client.HTTPResponse:
        """Ask for a page, and read it."""
        client = http.client.HTTPConnection(self.host, timeout=30)
        try:
            client.request("GET", path, headers=headers)
            answer = client.getresponse()
            answer.text = answer.read().decode()  # type: ignore[attr-defined]
            return answer
        finally:
            client.close()

    def enter(self) -> str:
        """Exchange the token for a cookie."""
        return str(self.get(self.token).headers["Set-Cookie"]).partition(";")[0]


Serve = Callable[..., AbstractContextManager[Served]]


@pytest.fixture
def serve(tmp_path: Path, redis_server: RedisServer) -> Serve:
    """Serves it, with these options."""

    @contextmanager
    def served(*options: str) -> Iterator[Served]:
        with Served(tmp_path, redis_server.url, *options) as web:
            assert isinstance(web, Served)
            yield web

    return served


@pytest.fixture
def chromium(tmp_path: Path) -> Iterator[Chromium]:
    """A browser."""
    yield from _serve(lambda: Chromium(tmp_path))


def refusal(web: Served, **headers: str) -> int:
    """The status that opening its websocket is refused with, 101 where it is not."""
    given = {"origin": headers.pop("Origin", None), "cookie": headers.pop("Cookie", None)}
    try:
        socket = websocket.create_connection(
            f"ws://{web.host}/ws", timeout=30, header=headers, suppress_origin=given["origin"] is None, **given
        )
    except websocket.WebSocketBadStatusException as error:
        return error.status_code
    socket.close()
    return 101


def test_only_who_brings_the_token_gets_in_and_only_once(serve: Serve) -> None:
    with serve() as web:
        assert web.host.startswith("127.0.0.1:")
        listens = {each.laddr.ip for each in psutil.Process(web.pid).net_connections() if each.status == "LISTEN"}
        assert listens == {"127.0.0.1"}
        for path in ("/", "/?token=", "/?token=wrong", "/?token=%C3%A4", "/ws", "/static/js/textual.js", "/focus.js"):
            assert web.get(path).status == 403
        for host in ("evil.example", f"evil.example:{web.host.partition(':')[2]}", "", "127.0.0.1.evil.example"):
            assert web.get(web.token, Host=host).status in (400, 403)
        assert web.get(web.token, Origin="http://evil.example").status == 403

        entered = web.get(web.token)
        set_cookie = entered.headers["Set-Cookie"]
        assert entered.status == 200
        assert "HttpOnly" in set_cookie
        assert "SameSite=Strict" in set_cookie
        assert web.get(web.token).status == 403

        cookie = set_cookie.partition(";")[0]
        page = web.get("/", Cookie=cookie)
        assert page.status == 200
        assert "https://" not in page.text  # type: ignore[attr-defined]
        assert "default-src 'none'" in page.headers["Content-Security-Policy"]
        assert web.get("/", Cookie=cookie, Host="evil.example").status == 403
        assert web.get("/", Cookie=cookie, Host="localhost:9999").status == 200  # forwarded by ssh
        assert web.get("/", Cookie=f"{cookie}x").status == 403


def test_a_websocket_is_opened_by_its_own_page_alone(serve: Serve) -> None:
    with serve() as web:
        cookie = web.enter()
        own = f"http://{web.host}"
        assert refusal(web, Origin=own) == 403
        assert refusal(web, Cookie=cookie) == 403
        assert refusal(web, Cookie=cookie, Origin="http://evil.example") == 403
        assert refusal(web, Cookie=cookie, Origin="http://localhost:1") == 403
        assert not psutil.Process(web.pid).children(recursive=True)
        assert refusal(web, Cookie=cookie, Origin=own) == 101


def test_a_browser_sees_the_screens(serve: Serve, chromium: Chromium, connection: Redis, tmp_path: Path) -> None:
    Queue("apples", connection=connection, serializer=JSONSerializer).enqueue("support.jobs.give", 1)
    with serve() as web:
        chromium.go(web.url)
        chromium.until("connected")
        chromium.press("2")
        chromium.until("[2 Queues]")
        chromium.until("apples")
        assert chromium.run("location.href") == f"http://{web.host}/"
        assert not [text for text in chromium.refused if "Content Security Policy" in text]
        picture = Image.open(io.BytesIO(chromium.picture()))
        picture.save(tmp_path / "monitor.png")
        drawn = picture.convert("RGB").getcolors(1 << 24) or []
        assert len(drawn) > 50, "letters are drawn, in colours"
        assert max(count for count, _ in drawn) < picture.width * picture.height * 0.98


class Visit:
    """What a browser does, without one: keys, and what the terminal is told to show."""

    def __init__(self, web: Served) -> None:
        own, cookie = f"http://{web.host}", web.enter()
        self._socket = websocket.create_connection(f"ws://{web.host}/ws", timeout=30, origin=own, cookie=cookie)
        self._seen = ""

    def press(self, text: str) -> None:
        """Type something."""
        self._socket.send(json.dumps(["stdin", text]))

    def until(self, text: str) -> None:
        """Wait until a text is shown, after the one that was waited for before: what came together with that counts,
        for what did not change is not drawn again."""
        deadline = time.monotonic() + 60.0
        while text not in self._seen:
            assert time.monotonic() < deadline, f"{text!r} was not shown: {self._seen[-4000:]!r}"
            answer = self._socket.recv()
            self._seen += answer.decode(errors="replace") if isinstance(answer, bytes) else answer
        self._seen = self._seen.partition(text)[2]

    def close(self) -> None:
        """Go away."""
        self._socket.close()


def test_a_browser_may_only_look(serve: Serve, connection: Redis) -> None:
    Queue("apples", connection=connection, serializer=JSONSerializer).enqueue("support.jobs.give", 1)
    with serve() as web:
        visit = Visit(web)
        visit.until("connected")
        visit.press("2")
        visit.until("[2 Queues]")
        visit.until("apples")
        visit.press("p")
        visit.until("refused")
        visit.press(":")
        visit.until("there is no command line here")
        children = psutil.Process(web.pid).children(recursive=True)
        assert children
        assert "redis" not in " ".join(word for child in children for word in child.cmdline())
        web.send(signal.SIGKILL)
        eventually(lambda: not [child for child in children if child.is_running()], what="end of the visits")
        visit.close()
    assert not connection.exists(keys.PAUSED)


def test_a_browser_sees_what_was_recorded(serve: Serve, tmp_path: Path) -> None:
    file = tmp_path / "seen.jsonl"
    recording = RecordingFile(file, "redis://then:6379/0")
    fake: Any = MonitorOps()
    record(fake, recording).stats.read()
    recording.close()
    with serve("--replay", str(file)) as web:
        visit = Visit(web)
        visit.until("redis://then:6379/0")
        visit.press("2")
        visit.until("[2 Queues]")
        visit.until("1204")
        visit.press("p")
        visit.until("refused: this is a recording")
        visit.close()


def test_a_browser_acts_where_that_was_allowed(serve: Serve, connection: Redis) -> None:
    Queue("apples", connection=connection, serializer=JSONSerializer).enqueue("support.jobs.give", 1)
    with serve("--allow-actions") as web:
        visit = Visit(web)
        visit.until("connected")
        visit.press("2")
        visit.until("[2 Queues]")
        visit.until("apples")
        visit.press("p")
        visit.until("Pause apples")
        visit.press("\x1b[D\r")
        eventually(lambda: connection.hexists(keys.PAUSED, "apples"), 30.0, "pause of apples")
        children = psutil.Process(web.pid).children(recursive=True)
        assert web.stop() == 0
        eventually(lambda: not [child for child in children if child.is_running()], what="end of the visits")
        visit.close()
