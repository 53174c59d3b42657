"""`POST /user/create` and `POST /login`."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.exceptions import HTTPException

from qctl.errors import RefusedError
from qctl.gateway.accounts import EmailTakenError
from qctl.gateway.dependencies import Gateway
from qctl.gateway.error_responses import documented
from qctl.gateway.schemas import Credentials, LoggedIn, NewUser, User

router = APIRouter(tags=["users"])


@router.post("/user/create", status_code=201, responses=documented(400, 409, 413, 503))
async def create(user: NewUser, gateway: Gateway) -> User:
    """Register a user. Email addresses are unique, ignoring case."""
    try:
        return User.of(await gateway.accounts.create(user.username, user.email, user.password))
    except EmailTakenError as error:
        raise HTTPException(409, error.message) from None


@router.post("/login", responses=documented(400, 401, 413, 503))
async def login(credentials: Credentials, gateway: Gateway) -> LoggedIn:
    """Log in. The token is valid for QCTL_LOGIN_TTL seconds at every gateway of the site."""
    try:
        return LoggedIn(jwt=await gateway.accounts.login(credentials.email, credentials.password))
    except RefusedError as error:
        raise HTTPException(401, error.message) from None
