"""`POST /user/create`, `POST /login` and `POST /logout`."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Request
from starlette.exceptions import HTTPException

from qctl.errors import RefusedError
from qctl.gateway.accounts import EmailTakenError
from qctl.gateway.authentication import CurrentUser
from qctl.gateway.dependencies import Gateway
from qctl.gateway.doors import LOGIN, SIGN_UP
from qctl.gateway.error_responses import documented
from qctl.gateway.json_requests import JsonRoute
from qctl.gateway.schemas import Credentials, LoggedIn, LoggedOut, LogoutRequest, NewUser, User

router = APIRouter(route_class=JsonRoute, tags=["users"])


@router.post("/user/create", status_code=201, responses=documented(400, 409, 413, 429, 503))
async def create(user: NewUser, request: Request, gateway: Gateway) -> User:
    """Register a user. Email addresses are unique, ignoring case."""
    await gateway.doors.enter(request, SIGN_UP)
    try:
        return User.of(await gateway.accounts.create(user.username, user.email, user.password, request.is_disconnected))
    except EmailTakenError as error:
        raise HTTPException(409, error.message) from None


@router.post("/login", responses=documented(400, 401, 413, 429, 503))
async def login(credentials: Credentials, request: Request, gateway: Gateway) -> LoggedIn:
    """Log in. The token is valid for QCTL_LOGIN_TTL seconds at every gateway of the site.

    After 10 wrong passwords of an account within 5 minutes, or 30 of a client address, the answer is 429.
    """
    attempt = await gateway.doors.enter(request, LOGIN, credentials.email.lower())
    try:
        token = await gateway.accounts.login(credentials.email, credentials.password, request.is_disconnected)
    except RefusedError as error:
        raise HTTPException(401, error.message) from None
    await gateway.doors.forgive(attempt)
    return LoggedIn(jwt=token)


@router.post("/logout", responses=documented(400, 401, 503))
async def logout(
    user: CurrentUser, gateway: Gateway, request: Annotated[LogoutRequest | None, Body()] = None
) -> LoggedOut:
    """End this login, or with `everywhere` all logins of the user. Other gateways follow within a second."""
    await gateway.sessions.end(user, everywhere=request is not None and request.everywhere)
    return LoggedOut()
