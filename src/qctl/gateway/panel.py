"""`GET /admin/queues`: the monitor in a browser, for operators with the admin key or an admin's token.

A page cannot send these by itself: they are exchanged once, in a form, for a cookie. The cookie is a token for the
panel alone, valid at every gateway of the site. Scripts cannot read it, and browsers send it with no request of another
page (SameSite=Strict). A request of another page that arrives nevertheless has a foreign `Origin`, and is refused.
"""

from __future__ import annotations

import hmac
from contextlib import suppress
from functools import partial
from html import escape
from importlib.resources import files
from string import Template
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Form, Request, WebSocket
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from fastapi.security import HTTPAuthorizationCredentials
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection

from qctl.errors import QctlError, RateLimitedError, RefusedError
from qctl.gateway.admin_auth import admin_key, is_admin_key, operator
from qctl.gateway.authentication import bearer
from qctl.gateway.dependencies import Backend, Gateway
from qctl.gateway.doors import KEY
from qctl.gateway.error_responses import documented
from qctl.gateway.json_requests import JsonRoute
from qctl.gateway.tokens import MAX_TOKEN_CHARS, Caller, signing_secret
from qctl.store.users import ADMIN
from qctl.web_terminal import page as web_page
from qctl.web_terminal.sessions import Login

COOKIE = "qctl-panel"

TITLE = "qctl queues"

LOGOUT_FORM = '<form method="post" action="queues/logout"><button>Log out</button></form>'

KEEPER = "keeper"
"""Role in the cookie of an operator who logged in with the admin key."""

CLOSE_FORBIDDEN = 4403
"""Close code of a web socket that is refused."""

router = APIRouter(route_class=JsonRoute, prefix="/admin/queues", tags=["queues"])


async def require_panel(gateway: Gateway) -> None:
    """Dependency of all routes of the panel. Raises HTTPException if the panel is switched off."""
    if gateway.settings.gateway_panel == "off":
        raise HTTPException(404, "the panel is switched off by QCTL_GATEWAY_PANEL")


async def require_own_origin(connection: HTTPConnection) -> None:
    """Raise HTTPException for a request of another page. A proxy must pass on the `Host` header unchanged."""
    origin = connection.headers.get("origin")
    if origin is not None and origin.partition("://")[2] != connection.headers.get("host"):
        raise HTTPException(403, "refused from another page")


@router.get(
    "",
    response_class=HTMLResponse,
    dependencies=[Depends(require_panel)],
    responses={**documented(403, 404), 401: {"content": {"text/html": {}}, "description": "The login form"}},
)
async def page(
    request: Request,
    gateway: Gateway,
    key: Annotated[str | None, Depends(admin_key)],
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)],
) -> Response:
    """The panel of queues for a browser: the screens of `qctl monitor`. Without a login, the login form."""
    if key is not None or credentials is not None:
        cookie = await _log_in(request, gateway, key, credentials)
        return _with_cookie(request, _terminal(request), cookie, request.url.path)
    if await _caller(request, gateway) is None:
        return _form(request, "queues/login")
    return _terminal(request)


@router.post("/login", include_in_schema=False, dependencies=[Depends(require_panel), Depends(require_own_origin)])
async def log_in(request: Request, gateway: Gateway, key: Annotated[str, Form(max_length=MAX_TOKEN_CHARS)]) -> Response:
    """Exchange the admin key, or an admin's token, for the cookie."""
    try:
        attempt = await gateway.doors.enter(request, KEY)
        if is_admin_key(gateway, key):
            cookie = await _log_in(request, gateway, key, None)
        else:
            credentials = HTTPAuthorizationCredentials(scheme="Bearer", credentials=key)
            cookie = await _log_in(request, gateway, None, credentials)
        await gateway.doors.forgive(attempt)
    except RateLimitedError as error:
        return _form(request, "login", error.message, 429)
    except HTTPException as error:
        await gateway.doors.note_refusal(request, str(error.detail))
        problem = "This is neither the admin key nor an admin's token." if error.status_code == 401 else error.detail
        return _form(request, "login", problem, error.status_code)
    # The redirect is a path, because the gateway does not know the scheme and prefix that a proxy serves it by.
    return _with_cookie(request, RedirectResponse("../queues", 303), cookie, request.url.path.removesuffix("/login"))


@router.post("/logout", include_in_schema=False, dependencies=[Depends(require_panel), Depends(require_own_origin)])
async def log_out(request: Request, gateway: Gateway) -> Response:
    """Delete the cookie, and end its login and sessions."""
    cookie = request.cookies.get(COOKIE, "")
    with suppress(RefusedError):
        await gateway.sessions.end(gateway.panel_tokens.read(cookie), everywhere=False)
    gateway.panel_sessions.end(cookie)
    answer = RedirectResponse("../queues", 303)
    answer.delete_cookie(COOKIE, request.url.path.removesuffix("/logout"), httponly=True, samesite="strict")
    return answer


@router.get("/assets/{name}", include_in_schema=False, dependencies=[Depends(require_panel)])
async def asset(name: Literal["terminal.js", "textual.js", "xterm.css"]) -> Response:
    """A script or style of the page."""
    return FileResponse(web_page.ASSETS[name], headers={"Cache-Control": "max-age=3600"})


@router.websocket("/socket")
async def session(socket: WebSocket) -> None:
    """Connect the page with a monitor."""
    gateway: Backend = socket.app.state.backend
    try:
        await require_panel(gateway)
        await require_own_origin(socket)
        caller = await _caller(socket, gateway) if "origin" in socket.headers else None
    except (HTTPException, QctlError):
        caller = None
    if caller is None or gateway.draining():
        await socket.close(CLOSE_FORBIDDEN)
        return
    is_valid = partial(_is_allowed, gateway, caller)
    await gateway.panel_sessions.serve(socket, Login(socket.cookies[COOKIE], caller.id, caller.expires, is_valid))


async def _log_in(
    request: Request, gateway: Backend, key: str | None, credentials: HTTPAuthorizationCredentials | None
) -> str:
    """The token of a new login. Raises HTTPException like `operator`."""
    await operator(request, key, credentials)
    if credentials is None or key is not None:
        return gateway.panel_tokens.issue(request.state.user, KEEPER, key_hash=_key_hash(gateway))
    caller = gateway.tokens.read(credentials.credentials)
    return gateway.panel_tokens.issue(caller.id, ADMIN, caller.expires, version=caller.version)


def _key_hash(gateway: Backend) -> str:
    """A fingerprint of the admin key, so that a new key ends the logins of the old one."""
    key = gateway.settings.queue_admin_key or ""
    return hmac.new(signing_secret(gateway.settings).encode(), key.encode(), "sha256").hexdigest()[:32]


async def _caller(connection: HTTPConnection, gateway: Backend) -> Caller | None:
    """The user of the cookie, None without a valid cookie. Raises SinkError."""
    try:
        caller = gateway.panel_tokens.read(connection.cookies.get(COOKIE, ""))
    except RefusedError:
        return None
    return caller if await _is_allowed(gateway, caller) else None


async def _is_allowed(gateway: Backend, caller: Caller) -> bool:
    """Check that a login has not ended: by logout, by another admin key, or because its user is not an admin.

    Raises SinkError and RedisUnreachableError.
    """
    if caller.role == KEEPER:
        if gateway.settings.queue_admin_key is None or not hmac.compare_digest(caller.key_hash, _key_hash(gateway)):
            return False
        return not await gateway.sessions.is_logged_out(caller)
    return await gateway.sessions.is_open(caller) and await gateway.accounts.is_admin(caller)


def _with_cookie(request: Request, answer: Response, cookie: str, path: str) -> Response:
    # A forged X-Forwarded-Proto only makes the browser of its sender send the cookie less often.
    secure = "https" in (request.url.scheme, request.headers.get("x-forwarded-proto"))
    answer.set_cookie(COOKIE, cookie, path=path, secure=secure, httponly=True, samesite="strict")
    return answer


def _terminal(request: Request) -> HTMLResponse:
    html = web_page.terminal(TITLE, base="queues/", header=LOGOUT_FORM)
    return HTMLResponse(html, headers=web_page.headers(request.headers.get("host", "")))


def _form(request: Request, action: str, problem: str = "", status: int = 401) -> HTMLResponse:
    text = files("qctl.gateway").joinpath("login.html").read_text(encoding="utf-8")
    html = Template(text).substitute(action=action, problem=escape(problem))
    return HTMLResponse(html, status, web_page.headers(request.headers.get("host", "")))
