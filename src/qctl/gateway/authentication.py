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


class JwtHeader(HTTPBearer):
    """The header `Authorization: Bearer <jwt>`, or `Authorization: <jwt>` as some clients send it, or the cookie."""

    async def __call__(self, request: HTTPConnection) -> HTTPAuthorizationCredentials | None:
        """The credentials of a request, None without them."""
        header = request.headers.get("authorization", "").strip()
        if header.count(".") == 2 and " " not in header:
            return HTTPAuthorizationCredentials(scheme="Bearer", credentials=header)
        credentials = await super().__call__(request)
        if credentials is None and "authorization" not in request.headers:
            token = login_cookie.token_of(request, dependencies.backend_of(request).settings)
            return HTTPAuthorizationCredentials(scheme="Bearer", credentials=token) if token else None
        return credentials


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
    if credentials is None:
        raise HTTPException(401, "No token provided", CHALLENGE)
    backend = dependencies.backend_of(request)
    try:
        user = backend.tokens.read(credentials.credentials)
        await backend.sessions.require(user)
    except RefusedError as error:
        raise HTTPException(401, error.message, CHALLENGE) from None
    request.state.user = user.id
    return user


CurrentUser = Annotated[Caller, Depends(caller)]
