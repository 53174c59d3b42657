"""`GET /admin/queues`: the monitor in a browser, for whoever has the admin key or an admin's token.

A page cannot send them by itself: they are given once, in a form, for a cookie. The cookie is a token that is good for
the panel alone, at every gateway of the site; scripts do not see it, and browsers send it with nothing that another
page asks for (SameSite=Strict). What another page asks for anyhow says so in `Origin`, and is refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Annotated, Literal

import textual_serve
from fastapi import APIRouter, Depends, Form, Request, WebSocket
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from fastapi.security import HTTPAuthorizationCredentials
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection

from qctl.errors import QctlError, RefusedError
from qctl.gateway import dependencies
from qctl.gateway.admin_auth import admin_key, is_admin_key, operator
from qctl.gateway.authentication import bearer
from qctl.gateway.dependencies import Backend
from qctl.gateway.error_responses import documented
from qctl.gateway.tokens import MOST as LONGEST
from qctl.gateway.tokens import Caller
from qctl.store.users import ADMIN

COOKIE = "qctl-panel"

ASSETS: Mapping[str, Path] = {
    "panel.js": Path(__file__).with_name("panel.js"),
    "textual.js": Path(textual_serve.__file__).with_name("static") / "js" / "textual.js",
    "xterm.css": Path(textual_serve.__file__).with_name("static") / "css" / "xterm.css",
}
"""What the page is made of. Nothing of it is secret."""

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "connect-src 'self'{socket}; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)

_HOST = re.compile(r"[A-Za-z0-9.\-]{1,255}(:[0-9]{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](:[0-9]{1,5})?")

KEEPER = "keeper"
"""The role, in a login, of whoever has the admin key."""

REFUSED = 4403
"""What a web socket that may not be opened is closed with."""

router = APIRouter(prefix="/admin/queues", tags=["queues"])

Gateway = Annotated[Backend, Depends(dependencies.of)]


async def offered(gateway: Gateway) -> None:
    """A dependency of all that belongs to the panel. Raises HTTPException where there is none."""
    if gateway.settings.gateway_panel == "off":
        raise HTTPException(404, "the panel is switched off by QCTL_GATEWAY_PANEL")


async def own(connection: HTTPConnection) -> None:
    """Raise HTTPException where another page asks. A proxy has to leave `Host` as it was."""
    origin = connection.headers.get("origin")
    if origin is not None and origin.partition("://")[2] != connection.headers.get("host"):
        raise HTTPException(403, "not from that page")


@router.get(
    "",
    response_class=HTMLResponse,
    dependencies=[Depends(offered)],
    responses={**documented(403, 404), 401: {"content": {"text/html": {}}, "description": "The form to log in by"}},
)
async def page(
    request: Request,
    gateway: Gateway,
    key: Annotated[str | None, Depends(admin_key)],
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)],
) -> Response:
    """The panel of queues for a browser: the screens of `qctl monitor`. Without a login, the form for one."""
    if key is not None or credentials is not None:
        login = await _admit(request, gateway, key, credentials)
        return _with_cookie(request, _html(request, "panel.html"), login, request.url.path)
    if await _visitor(request, gateway) is None:
        return _form(request, "queues/login")
    return _html(request, "panel.html")


@router.post("/login", include_in_schema=False, dependencies=[Depends(offered), Depends(own)])
async def log_in(request: Request, gateway: Gateway, key: Annotated[str, Form(max_length=LONGEST)]) -> Response:
    """Exchange the admin key, or an admin's token, for the cookie."""
    who = request.client.host if request.client else ""
    if gateway.tries.too_many(who):
        return _form(request, "login", "Too many tries: wait for a minute.", 429)
    try:
        if is_admin_key(gateway, key):
            login = await _admit(request, gateway, key, None)
        else:
            given = HTTPAuthorizationCredentials(scheme="Bearer", credentials=key)
            login = await _admit(request, gateway, None, given)
    except HTTPException as error:
        gateway.tries.failed(who)
        said = "That is neither the admin key nor an admin's token." if error.status_code == 401 else error.detail
        return _form(request, "login", said, error.status_code)
    # A path alone: the gateway does not know by which scheme and prefix a proxy is asked.
    return _with_cookie(request, RedirectResponse("../queues", 303), login, request.url.path.removesuffix("/login"))


@router.post("/logout", include_in_schema=False, dependencies=[Depends(offered), Depends(own)])
async def log_out(request: Request, gateway: Gateway) -> Response:
    """Forget the cookie, and end what it opened here."""
    gateway.visits.leave(request.cookies.get(COOKIE, ""))
    answer = RedirectResponse("../queues", 303)
    answer.delete_cookie(COOKIE, request.url.path.removesuffix("/logout"), httponly=True, samesite="strict")
    return answer


@router.get("/assets/{name}", include_in_schema=False, dependencies=[Depends(offered)])
async def asset(name: Literal["panel.js", "textual.js", "xterm.css"]) -> Response:
    """A script or style of the page."""
    return FileResponse(ASSETS[name], headers={"Cache-Control": "max-age=3600"})


@router.websocket("/socket")
async def visit(socket: WebSocket) -> None:
    """What the page shows, and what is typed into it."""
    gateway: Backend = socket.app.state.backend
    try:
        await offered(gateway)
        await own(socket)
        who = await _visitor(socket, gateway) if "origin" in socket.headers else None
    except (HTTPException, QctlError):
        who = None
    if who is None or gateway.draining():
        await socket.close(REFUSED)
    else:
        await gateway.visits.serve(socket, who, socket.cookies[COOKIE], partial(_still, gateway, who))


async def _admit(
    request: Request, gateway: Backend, key: str | None, credentials: HTTPAuthorizationCredentials | None
) -> str:
    """The token of a new login. Raises HTTPException, as `operator`."""
    await operator(request, key, credentials)
    by_token = credentials is not None and key is None
    ends = gateway.tokens.read(credentials.credentials).expires if by_token and credentials else None
    return gateway.panel_tokens.issue(request.state.user, ADMIN if by_token else KEEPER, ends)


async def _visitor(connection: HTTPConnection, gateway: Backend) -> Caller | None:
    """Whose login this is, None where it is none. Raises SinkError."""
    try:
        found = gateway.panel_tokens.read(connection.cookies.get(COOKIE, ""))
    except RefusedError:
        return None
    return found if await _still(gateway, found) else None


async def _still(gateway: Backend, who: Caller) -> bool:
    """Whether who has logged in may be here now, too. Raises SinkError."""
    return who.role == KEEPER or await gateway.accounts.is_admin(who)


def _with_cookie(request: Request, answer: Response, login: str, path: str) -> Response:
    # What a proxy says of the scheme is believed: who lies here has a cookie that is sent more seldom.
    secure = "https" in (request.url.scheme, request.headers.get("x-forwarded-proto"))
    answer.set_cookie(COOKIE, login, path=path, secure=secure, httponly=True, samesite="strict")
    return answer


def _html(request: Request, name: str, status: int = 200, **given: str) -> HTMLResponse:
    host = request.headers.get("host", "")
    # Older browsers do not take a web socket of the same host for 'self'.
    socket = f" ws://{host} wss://{host}" if _HOST.fullmatch(host) else ""
    headers = {
        "Content-Security-Policy": POLICY.format(socket=socket),
        # With `no-referrer` browsers call the origin of a form `null`.
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
    text = files("qctl.gateway").joinpath(name).read_text(encoding="utf-8")
    return HTMLResponse(Template(text).substitute(given), status, headers)


def _form(request: Request, action: str, problem: str = "", status: int = 401) -> HTMLResponse:
    return _html(request, "login.html", status, action=action, problem=escape(problem))
