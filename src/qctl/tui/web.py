"""The monitor in a browser on this machine: textual-serve, with a door that only one browser gets through.

It listens on 127.0.0.1 alone. That keeps neither other users of this machine out, nor the pages that a browser shows
beside it, so
- the first visit has to bring a token, which is good for once and is exchanged for a cookie;
- the name that the browser asked for (`Host`) must be this machine's own: else any page could reach us by a name that
  its owner lets point here (DNS rebinding);
- what another page asks for (`Origin`) is refused; a websocket, which browsers let any page open, must say where it
  comes from.
Each visitor gets a process of its own, which ends with the visit.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import signal
from collections.abc import Awaitable, Callable
from importlib.resources import files
from string import Template

from aiohttp import web
from textual_serve.server import Server

from qctl.errors import RefusedError

LOOPBACK = "127.0.0.1"

OWN_NAMES = re.compile(r"(?:127\.0\.0\.1|localhost|\[::1\])(?::[0-9]{1,5})?")
"""What this machine is called by its own browser; the port is another one where it is forwarded by ssh."""

MOST = 8
"""Visits at once: each is a process of some 60 MB."""

GRACE = 1.0
"""Seconds that visits have to end in when the server does."""

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline';"
    " img-src 'self' data: blob:; font-src 'self'; connect-src 'self' {socket};"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""What every answer says: nothing of it is kept, shown inside another page, or takes anything from elsewhere."""

ENTERED = '<!DOCTYPE html><meta http-equiv="refresh" content="0; url=/"><title>qctl monitor</title>'
"""Leads from the token to the monitor, and out of the history. No redirect: that would count as the page's that the
link was on, and a strict cookie would stay away from it."""

FOCUS = 'addEventListener("load", () => document.querySelector(".xterm-helper-textarea").focus());'
"""Makes keys work before anybody has clicked."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class WebMonitor(Server):
    """Serves what `command` shows, a line for the shell, which gets the environment of this process."""

    def __init__(self, command: str, port: int) -> None:
        super().__init__(command, host=LOOPBACK, port=port, title="qctl monitor")
        self._token: str | None = secrets.token_urlsafe(32)
        self._key = secrets.token_urlsafe(32)
        self._visits = 0
        self._page = Template(files("qctl.tui").joinpath("web.html").read_text())

    @property
    def url(self) -> str:
        """Where to go, with the token."""
        return f"http://{LOOPBACK}:{self.port}/?token={self._token}"

    def run(self, started: Callable[[str], None]) -> None:
        """Serve until SIGINT or SIGTERM. `started` is told where. Raises RefusedError where the port is taken."""
        asyncio.run(self._run(started))

    async def _run(self, started: Callable[[str], None]) -> None:
        ended = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, ended.set)
        runner = web.AppRunner(await self._make_app(), access_log=None, shutdown_timeout=GRACE)
        await runner.setup()
        try:
            try:
                await web.TCPSite(runner, LOOPBACK, self.port).start()
            except OSError as error:
                raise RefusedError(f"port {self.port} cannot be used: {error.strerror}", "--port N") from error
            self.port = runner.addresses[0][1]
            started(self.url)
            await ended.wait()
        finally:
            await runner.cleanup()

    async def _make_app(self) -> web.Application:
        app = await super()._make_app()
        app.router.add_get("/focus.js", self._focus)
        app.middlewares.append(self._guard)
        app.on_response_prepare.append(_tell)
        return app

    async def on_startup(self, app: web.Application) -> None:
        """textual-serve would print its name here."""

    # --- the door ---------------------------------------------------------------------------------------

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        host = request.headers.get("Host", "")
        if not OWN_NAMES.fullmatch(host):
            raise web.HTTPForbidden(text="not by this name\n")
        origin = request.headers.get("Origin", "" if request.path == "/ws" else f"http://{host}")
        if origin != f"http://{host}":
            raise web.HTTPForbidden(text="not from that page\n")
        if self._is_redeemed(request.query.get("token", "")):
            response = web.Response(text=ENTERED, content_type="text/html")
            response.set_cookie(self._cookie, self._key, httponly=True, samesite="Strict")
            return response
        if not secrets.compare_digest(request.cookies.get(self._cookie, "").encode(), self._key.encode()):
            raise web.HTTPForbidden(text="not without the cookie that the token is exchanged for, once\n")
        return await handler(request)

    @property
    def _cookie(self) -> str:
        """Its name. Browsers send cookies to all ports of a host: two monitors must not take each other's away."""
        return f"qctl-{self.port}"

    def _is_redeemed(self, token: str) -> bool:
        """Whether this is the token, which is good for nothing from now on."""
        if self._token is None or not secrets.compare_digest(token.encode(), self._token.encode()):
            return False
        self._token = None
        return True

    # --- the visit --------------------------------------------------------------------------------------

    async def handle_index(self, request: web.Request) -> web.Response:
        """The page. textual-serve's own one loads a font from elsewhere, and knows one name of this machine."""
        return web.Response(text=self._page.substitute(host=request.headers["Host"]), content_type="text/html")

    async def _focus(self, _: web.Request) -> web.Response:
        return web.Response(text=FOCUS, content_type="text/javascript")

    async def handle_websocket(self, request: web.Request) -> web.WebSocketResponse:
        """One visit."""
        if self._visits >= MOST:
            raise web.HTTPServiceUnavailable(text=f"{MOST} are open already\n")
        self._visits += 1
        try:
            return await super().handle_websocket(request)
        finally:
            self._visits -= 1


async def _tell(request: web.Request, response: web.StreamResponse) -> None:
    host = request.headers.get("Host", "")
    socket = f"ws://{host}" if OWN_NAMES.fullmatch(host) else ""
    response.headers.update({name: text.format(socket=socket) for name, text in HEADERS.items()})
