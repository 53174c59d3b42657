"""A page that behaves as QueueCraft's dashboard does, in Chromium, with axios and the official Socket.IO client.

Each step of the journey is a picture in the folder ORIGINALS_PICTURES, or in the test's own.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from string import Template

import pytest

from originals.conftest import MakeOriginal
from originals.test_queuecraft import ADMIN
from support.browser import Chromium
from support.node import RECENT
from support.servers import RedisServer
from support.waiting import eventually
from support.web import Site, web_server

PAGE = Path(__file__).with_name("queuecraft.html")


@pytest.fixture
def pages() -> Iterator[Site]:
    """A server of pages."""
    with web_server() as site:
        yield site


def test_a_dashboard_signs_in_creates_and_follows_jobs(
    make_original: MakeOriginal,
    redis_server: RedisServer,
    pages: Site,
    chromium: Chromium,
    socketio_client: Path,
    tmp_path: Path,
) -> None:
    origins = f"http://localhost:3000,{pages.url('')}"
    original = make_original(
        "queuecraft",
        {"REDIS_URL": redis_server.url, "MONGODB_URI": "", "FRONTEND_URL": origins},
        QCTL_SIMULATED_SECONDS="3",
        QUEUE_DEFAULT_ATTEMPTS="0",
    )
    original.start()
    assert original.http.request("POST", "/user/create", ADMIN).status == 201
    scripts = socketio_client / "node_modules"
    page = Template(PAGE.read_text()).safe_substitute(gateway=original.http.url)
    pages.reply("/", page.encode(), Content_Type="text/html")
    for path, script in (
        ("/socket.io.min.js", scripts / f"v{RECENT}" / "dist" / "socket.io.min.js"),
        ("/axios.min.js", scripts / "axios" / "dist" / "axios.min.js"),
    ):
        pages.reply(path, script.read_bytes(), Content_Type="text/javascript")

    def text(name: str) -> str:
        return str(chromium.run(f"document.querySelector('#{name}').textContent"))

    def rows() -> list[str]:
        return list(chromium.run("[...document.querySelectorAll('#jobs tr')].map((row) => row.textContent)"))

    def sign_in(password: str) -> None:
        for name, value in (("email", ADMIN["email"]), ("password", password)):
            chromium.run(f"document.querySelector('#{name}').value = {value!r}")
        chromium.run("document.querySelector('button').click()")

    def create(name: str) -> None:
        chromium.run(f"void window.createJob({name!r})")

    seen: list[bytes] = []

    def picture(name: str) -> None:
        folder = Path(os.environ.get("ORIGINALS_PICTURES", tmp_path))
        taken = chromium.screenshot()
        assert taken not in seen, f"{name} looks like a step before it"
        seen.append(taken)
        (folder / f"queuecraft-{len(seen)}-{name}.png").write_bytes(taken)

    chromium.go(pages.url("/"))
    eventually(lambda: chromium.run("typeof io === 'function' && typeof window.createJob === 'function'"))
    sign_in("wrong")
    eventually(lambda: text("error") == "Invalid email or password", what="the refusal")
    assert chromium.run("window.left") == 0, "the page did not leave its login form"
    picture("sign-in")
    sign_in(ADMIN["password"])
    eventually(lambda: text("live") == "Live", what="the live connection")
    picture("live")
    create("My Job")
    eventually(lambda: rows() == ["My Job: running"], what="the job that runs")
    picture("run")
    eventually(lambda: rows() == ["My Job: completed"], what="the job's end")
    picture("end")
    create("This will fail")
    eventually(lambda: rows() == ["This will fail: dlq", "My Job: completed"], what="the dead letter")
    assert text("counts") == "pending 0 running 0 completed 1 failed 1"
    picture("dead-letter")
    for n in range(6):
        create(f"Job {n}")
    eventually(lambda: text("error").startswith("Rate limit exceeded"), what="the limit")
    picture("limit")
    eventually(lambda: text("counts") == "pending 0 running 0 completed 6 failed 1", what="the jobs of the limit")
    assert original.stop() == 0
    eventually(lambda: text("live") == "Offline", what="the outage")
    picture("outage")
    original.start()
    eventually(lambda: text("live") == "Live", what="the connection after it")
    picture("reconnect")
    assert original.stop() == 0
