"""Test a web page in Chromium with the official client: log in, create a job, and follow it live."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from string import Template

from redis import Redis

from qctl.broker.worker.rq_adapter import QctlWorker
from qctl.settings import Settings
from support.browser import Chromium
from support.gateway import PASSWORD, Gateway
from support.node import RECENT, installed
from support.waiting import eventually
from support.web import web_server

PAGE = Path(__file__).parents[1] / "support" / "page.html"

EMAIL = "ada@example.com"


def test_page_logs_in_creates_a_job_and_follows_it(
    make_gateway: Callable[..., Gateway],
    make_settings: Callable[..., Settings],
    chromium: Chromium,
    connection: Redis,
    socketio_client: Path,
) -> None:
    with web_server() as site:
        gateway = make_gateway(FRONTEND_URL=site.url(""), GATEWAY_DEFAULT_JOB="simulate")
        gateway.user(EMAIL)
        page = Template(PAGE.read_text()).safe_substitute(gateway=gateway.url)
        script = installed() / "node_modules" / f"v{RECENT}" / "dist" / "socket.io.min.js"
        site.reply("/", page.encode(), Content_Type="text/html")
        site.reply("/socket.io.min.js", script.read_bytes(), Content_Type="text/javascript")

        def log_in(password: str) -> None:
            chromium.run(f"document.querySelector('#email').value = {EMAIL!r}")
            chromium.run(f"document.querySelector('#password').value = {password!r}")
            chromium.run("document.querySelector('button').click()")

        def lines() -> list[str]:
            return list(chromium.run("[...document.querySelectorAll('#lines li')].map((line) => line.textContent)"))

        chromium.go(site.url("/"))
        eventually(lambda: chromium.run("typeof io === 'function' && !!document.querySelector('button')"))
        log_in("wrong")
        eventually(lambda: lines() == ["Invalid email or password"], what="the refusal")
        log_in(PASSWORD)
        eventually(lambda: lines()[1:] == ["connected", "created My Job"], what="the job's creation")
        job = eventually(lambda: chromium.run("window.job"), what="the answer")
        QctlWorker(["tests"], connection, make_settings(QCTL_JOBS_MODULES="support.declared"), "inline").work(
            burst=True
        )
        ran = ["pending to running", "running to completed", f"completed {job}"]
        eventually(lambda: lines()[3:] == ran, what="its run")
        chromium.run("window.numbers()")
        eventually(lambda: lines()[6:] == ["pending 0, completed 1"], what="numbers")
        (refused,) = chromium.console_errors
        assert "401" in refused
