"""The server of `qctl monitor --web`, for one browser on this machine.

It listens on 127.0.0.1 alone. Other users of this machine and other pages in the same browser can connect there too, so
- the first request must bring a token, which is valid once and is exchanged for a cookie;
- the `Host` header must name this machine: otherwise any page could connect through a name that its owner resolves to
  127.0.0.1 (DNS rebinding);
- the `Origin` header must be our own; a web socket, which browsers let any page open, must have one.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import signal
import socket
from collections.abc import Callable, Mapping, Sequence

import uvicorn
from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection, Request
from starlette.responses import FileResponse, HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket

from qctl.compat.uvicorn_server import Server, websocket_protocol
from qctl.errors import RefusedError
from qctl.web_terminal import page
from qctl.web_terminal.sessions import Login, Sessions

LOOPBACK = "127.0.0.1"

OWN_NAMES = re.compile(r"(?:127\.0\.0\.1|localhost|\[::1\])(?::[0-9]{1,5})?")
"""`Host` headers that a browser on this machine sends. The port differs if ssh forwards it."""

SHUTDOWN_SECONDS = 5
"""Time (s) that open sessions have to end when the server does."""

ACCEPTED_PAGE = '<!DOCTYPE html><meta http-equiv="refresh" content="0; url=/"><title>qctl monitor</title>'
"""Leads from the token to the monitor, and removes the token from the history. A redirect would count as a request of
the page that held the link, and browsers would not send a strict cookie with it."""


HEADERS: Mapping[str, str] = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""Headers of every answer that does not set them itself."""


class LocalServer:
    """Serves the monitor `command`, with `environment` added to that of this process."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], port: int) -> None:
        self.port = port
        self._sessions = Sessions(command, environment, keep_stderr=True)
        self._token = secrets.token_urlsafe(32)
        self._app = Starlette(
            routes=[
                Route("/", self._page),
                Route("/assets/{name}", self._asset),
                WebSocketRoute("/socket", self._socket),
            ]
        )

    @property
    def url(self) -> str:
        """The address of the monitor, with the token."""
        return f"http://{LOOPBACK}:{self.port}/?token={self._token}"

    def run(self, started: Callable[[str], None]) -> None:
        """Serve until SIGINT or SIGTERM. `started` gets the address. Raises RefusedError if the port is in use."""
        try:
            listener = socket.create_server((LOOPBACK, self.port))
        except OSError as error:
            raise RefusedError(f"cannot listen on port {self.port}: {error.strerror}", "--port N") from error
        with listener:
            self.port = listener.getsockname()[1]
            asyncio.run(self._serve(listener, started))

    async def _serve(self, listener: socket.socket, started: Callable[[str], None]) -> None:
        server = Server(
            uvicorn.Config(
                _Door(self._app, self._token, f"qctl-{self.port}"),
                ws=websocket_protocol(),
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_graceful_shutdown=SHUTDOWN_SECONDS,
            )
        )

        def end() -> None:
            server.should_exit = True

        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, end)
        started(self.url)
        await server.serve([listener])

    async def _page(self, request: Request) -> Response:
        return HTMLResponse(page.terminal("qctl monitor"), headers=page.headers(request.headers["host"]))

    async def _asset(self, request: Request) -> Response:
        path = page.ASSETS.get(request.path_params["name"])
        return FileResponse(path) if path else PlainTextResponse("not found\n", 404)

    async def _socket(self, websocket: WebSocket) -> None:
        await self._sessions.serve(websocket, Login())


class _Door:
    """Lets requests through to `app` that carry the cookie `cookie_name`, and exchanges the token for it once.

    Browsers send cookies to all ports of a host, so that the name must differ between two servers.
    """

    def __init__(self, app: ASGIApp, token: str, cookie_name: str) -> None:
        self._app = app
        self._token: str | None = token
        self._cookie_name = cookie_name
        self._cookie = secrets.token_urlsafe(32)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it with 403."""
        connection = HTTPConnection(scope)
        answer = self._refuse_origin(connection) or self._redeem(connection) or self._refuse_stranger(connection)
        if answer is None:
            await self._app(scope, receive, _with_headers(send))
        elif scope["type"] == "http":
            await answer(scope, receive, _with_headers(send))
        else:
            await send({"type": "websocket.close", "code": 1008})

    def _refuse_origin(self, connection: HTTPConnection) -> Response | None:
        host = connection.headers.get("host", "")
        if not OWN_NAMES.fullmatch(host):
            return PlainTextResponse("this server has another name\n", 403)
        is_socket = connection.scope["type"] == "websocket"
        origin = connection.headers.get("origin", "" if is_socket else f"http://{host}")
        return PlainTextResponse("refused from another page\n", 403) if origin != f"http://{host}" else None

    def _redeem(self, connection: HTTPConnection) -> Response | None:
        """Exchange the token, which is invalid from then on."""
        token = connection.query_params.get("token", "")
        if self._token is None or not secrets.compare_digest(token.encode(), self._token.encode()):
            return None
        self._token = None
        answer = HTMLResponse(ACCEPTED_PAGE, headers=page.headers(connection.headers["host"]))
        answer.set_cookie(self._cookie_name, self._cookie, httponly=True, samesite="strict")
        return answer

    def _refuse_stranger(self, connection: HTTPConnection) -> Response | None:
        cookie = connection.cookies.get(self._cookie_name, "")
        if secrets.compare_digest(cookie.encode(), self._cookie.encode()):
            return None
        return PlainTextResponse("open the address that `qctl monitor --web` printed; it works once\n", 403)


def _with_headers(send: Send) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(raw=message["headers"])
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return send_with_headers
