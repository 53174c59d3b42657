"""The cookie of a login, for pages that send no `Authorization` header. Only profiles whose original has it use it.

Another page cannot act with it: browsers send it from pages of the same site alone (SameSite=Strict), and a request
that names an origin must name one of FRONTEND_URL or this gateway. `*` in FRONTEND_URL lets no page use the cookie.
"""

from __future__ import annotations

from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from qctl.settings import Settings

NAME = "jwt"


def token_of(connection: HTTPConnection, settings: Settings) -> str | None:
    """The token in the cookie of a request, None without one or if the request comes from another page."""
    headers = connection.headers
    if not settings.shapes.login_cookie or headers.get("sec-fetch-site") == "cross-site":
        return None
    if not _is_own_page(headers.get("origin"), headers.get("host", ""), settings):
        return None
    return connection.cookies.get(NAME)


def token_of_handshake(origin: str | None, host: str, cookies: str, settings: Settings) -> str | None:
    """The token in the cookies of a Socket.IO handshake, as `token_of`."""
    if not settings.shapes.login_cookie or not _is_own_page(origin, host, settings):
        return None
    try:
        cookie = SimpleCookie(cookies).get(NAME)
    except CookieError:
        return None
    return cookie.value if cookie else None


def set_cookie(response: Response, request: Request, token: str, settings: Settings) -> None:
    """Give a login its cookie."""
    if settings.shapes.login_cookie:
        secure = request.url.scheme == "https"
        response.set_cookie(
            NAME, token, max_age=settings.login_ttl, path="/", secure=secure, httponly=True, samesite="strict"
        )


def delete_cookie(response: Response, settings: Settings) -> None:
    """Delete the cookie of a login."""
    if settings.shapes.login_cookie:
        response.delete_cookie(NAME, path="/", httponly=True, samesite="strict")


def _is_own_page(origin: str | None, host: str, settings: Settings) -> bool:
    return origin is None or origin in settings.frontend_url or urlsplit(origin).netloc == host
