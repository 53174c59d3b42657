"""`POST /user/create` and `POST /login`."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.exceptions import HTTPException

from qctl.errors import RefusedError
from qctl.gateway import dependencies
from qctl.gateway.accounts import TakenError
from qctl.gateway.dependencies import Backend
from qctl.gateway.error_responses import documented
from qctl.gateway.schemas import Credentials, LoggedIn, NewUser, User

router = APIRouter(tags=["users"])


@router.post("/user/create", status_code=201, responses=documented(400, 409, 413, 503))
async def create(user: NewUser, gateway: Annotated[Backend, Depends(dependencies.of)]) -> User:
    """Become a user. An address is one user's, whatever the case of its letters."""
    try:
        return User.of(await gateway.accounts.create(user.username, user.email, user.password))
    except TakenError as error:
        raise HTTPException(409, error.message) from None


@router.post("/login", responses=documented(400, 401, 413, 503))
async def login(who: Credentials, gateway: Annotated[Backend, Depends(dependencies.of)]) -> LoggedIn:
    """Log in. The token is good for QCTL_LOGIN_TTL seconds, at every gateway of the site."""
    try:
        return LoggedIn(jwt=await gateway.accounts.login(who.email, who.password))
    except RefusedError as error:
        raise HTTPException(401, error.message) from None
