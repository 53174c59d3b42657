"""Who asks: the user whom the token of a request names."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.exceptions import HTTPException

from qctl.errors import RefusedError
from qctl.gateway import dependencies
from qctl.gateway.tokens import Caller

bearer = HTTPBearer(auto_error=False, bearerFormat="JWT", description="The `jwt` that `POST /login` answers with.")

CHALLENGE = {"WWW-Authenticate": "Bearer"}


async def caller(
    request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]
) -> Caller:
    """The user of a request, as a dependency of routes that are for users only. Raises HTTPException (401)."""
    if credentials is None:
        raise HTTPException(401, "No token provided", CHALLENGE)
    try:
        found = dependencies.held_by(request).tokens.read(credentials.credentials)
    except RefusedError as error:
        raise HTTPException(401, error.message, CHALLENGE) from None
    request.state.user = found.id
    return found


Authenticated = Annotated[Caller, Depends(caller)]
