"""DNS rebinding: every server refuses requests for names that are not its own, before anything else looks at them."""

from __future__ import annotations

import http.client
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from qctl.host_guard import HostGuard, origin_hosts
from support.batcher import Batcher
from support.gateway import Gateway
from support.servers import RedisServer
from support.waiting import PATIENCE_SECONDS
from support.web_monitor import WebMonitor
from support.web_terminal import upgrade_status

FOREIGN = (
    "rebind.evil.example",
    "evil.example:2000",
    "127.0.0.1.evil.example",
    "localhost.evil.example",
    "a b",
    "[::1",
)

PATHS = ("/healthz", "/job", "/admin/queues", "/graphql", "/socket.io/?EIO=4&transport=polling", "/api/docs")


def status(port: int, path: str, host: str, cookie: str = "") -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)
    connection.putrequest("GET", path, skip_host=True)
    connection.putheader("Host", host)
    if cookie:
        connection.putheader("Cookie", cookie)
    connection.endheaders()
    try:
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.mark.parametrize("path", PATHS)
def test_the_gateway_refuses_foreign_names(make_gateway: Callable[..., Gateway], path: str) -> None:
    gateway = make_gateway(FRONTEND_URL="https://app.example", QCTL_HOSTS="api.example, gateway")
    assert {status(gateway.port, path, host) for host in FOREIGN} <= {421, 400}
    for host in ("127.0.0.1", f"localhost:{gateway.port}", "[::1]:2000", "api.example", "API.example.", "app.example"):
        assert status(gateway.port, path, host) not in (421, 400), host


@pytest.fixture
def batcher(tmp_path: Path, redis_server: RedisServer) -> Iterator[Batcher]:
    with Batcher(tmp_path, redis_server.url, CLIENT_URL="https://app.example") as batcher:
        yield batcher


def test_the_socket_batcher_refuses_foreign_names(batcher: Batcher) -> None:
    for path in ("/", "/healthz", "/socket.io/?EIO=4&transport=polling"):
        assert {status(batcher.port, path, host) for host in FOREIGN} <= {421, 400}
        assert status(batcher.port, path, "app.example") == status(batcher.port, path, "127.0.0.1") == 200


def test_the_monitor_in_a_browser_refuses_foreign_names_and_pages(tmp_path: Path, redis_server: RedisServer) -> None:
    """Even with the cookie of the only browser, which a page of another name cannot have."""
    with WebMonitor(tmp_path, redis_server.url) as web:
        port = int(web.host.partition(":")[2])
        own = f"http://{web.host}"
        assert {status(port, web.token, host) for host in FOREIGN} <= {403, 400}
        cookie = web.cookie()
        for path in ("/", "/socket", "/assets/terminal.js"):
            assert {status(port, path, host, cookie) for host in FOREIGN} <= {403, 400}
            for origin in ("http://evil.example", "null", "https://127.0.0.1", f"http://localhost:{port}"):
                assert web.get(path, Cookie=cookie, Origin=origin).status == 403
        for host in FOREIGN[:3]:
            assert upgrade_status(web.socket_url, origin=f"http://{host}", cookie=cookie, host=host) == 403
        assert not web.processes()
        assert web.get("/", Cookie=cookie, Origin=own).status == 200


def test_every_name_is_checked() -> None:
    async def nothing(*_: object) -> None:
        raise AssertionError("not called")

    guard = HostGuard(nothing, ["api.example"])
    assert [guard.allows(host) for host in FOREIGN] == [False] * len(FOREIGN)
    assert origin_hosts(["*", "https://app.example:8443", "http://[::1]:3000"]) == ["app.example", "::1"]
