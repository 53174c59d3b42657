"""Authentication of users by the token of a request."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection

from qctl.errors import RefusedError
from qctl.gateway import dependencies, login_cookie
from qctl.gateway.doors import CHALLENGE
from qctl.gateway.tokens import Caller


def token_of(request: HTTPConnection) -> str | None:
    """The token of `Authorization: Bearer <jwt>` or, as some clients send it, `Authorization: <jwt>`; or the cookie."""
    header = request.headers.get("authorization")
    if header is None:
        return login_cookie.token_of(request, dependencies.backend_of(request).settings)
    scheme, _, token = header.partition(" ")
    if scheme.lower() == "bearer":
        return token.strip() or None
    header = header.strip()
    return header if header.count(".") == 2 and " " not in header else None


class JwtHeader(HTTPBearer):
    """The token of a request as a dependency of routes."""

    async def __call__(self, request: HTTPConnection) -> HTTPAuthorizationCredentials | None:
        """The credentials of a request, None without them."""
        token = token_of(request)
        return HTTPAuthorizationCredentials(scheme="Bearer", credentials=token) if token else None


bearer = JwtHeader(
    auto_error=False,
    scheme_name="HTTPBearer",
    bearerFormat="JWT",
    description="The `jwt` of the response to `POST /login`.",
)


async def caller(
    request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]
) -> Caller:
    """Dependency of routes that need a user. Raises HTTPException (401)."""
    return await user_of(request, None if credentials is None else credentials.credentials)


async def user_of(request: Request, token: str | None) -> Caller:
    """The user of a token, None without one. Raises HTTPException (401)."""
    user = unchecked_user_of(request, token)
    await require_session(request, user)
    return user


def unchecked_user_of(request: Request, token: str | None) -> Caller:
    """The user of a valid token whose session may have ended. Raises HTTPException (401)."""
    if token is None:
        raise HTTPException(401, "No token provided", CHALLENGE)
    try:
        return dependencies.backend_of(request).tokens.read(token)
    except RefusedError as error:
        raise unauthorized(error) from None


async def require_session(request: Request, user: Caller) -> None:
    """Check that the session of a user has not ended. Raises HTTPException (401)."""
    try:
        await dependencies.backend_of(request).sessions.require(user)
    except RefusedError as error:
        raise unauthorized(error) from None
    request.state.user = user.id


def unauthorized(error: RefusedError) -> HTTPException:
    """The response (401) to a token that is refused."""
    return HTTPException(401, error.message, CHALLENGE)


CurrentUser = Annotated[Caller, Depends(caller)]
