"""`POST /user/create`, `POST /login` and `POST /logout`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Body, Request, Response
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from qctl.errors import RefusedError
from qctl.gateway import error_responses, login_cookie
from qctl.gateway.accounts import EmailTakenError
from qctl.gateway.authentication import CurrentUser
from qctl.gateway.dependencies import Backend, Gateway
from qctl.gateway.doors import LOGIN, SIGN_UP
from qctl.gateway.error_responses import documented
from qctl.gateway.json_requests import JsonRoute
from qctl.gateway.schemas import Credentials, LoggedIn, LoggedOut, LogoutRequest, NewUser, SignUp, User

router = APIRouter(route_class=JsonRoute, tags=["users"])


@router.post("/user/create", status_code=201, responses=documented(400, 403, 409, 413, 429, 503))
async def create(user: SignUp, request: Request, gateway: Gateway) -> User:
    """Register a user. Email addresses are unique, ignoring case. The site may ask for an invitation (QCTL_SIGNUP)."""
    await gateway.doors.enter(request, SIGN_UP)
    async with _invitation(request, gateway, user.invitation):
        return await _create(user, request, gateway)


@asynccontextmanager
async def _invitation(request: Request, gateway: Backend, token: str | None) -> AsyncIterator[None]:
    """Use up an invitation if the site asks for one; it stays good if no user is created. Raises HTTPException."""
    signup = gateway.settings.signup_mode
    if signup == "off":
        raise HTTPException(403, "Sign-up is switched off; ask an operator for a user")
    if signup == "open":
        yield
        return
    if token is None or not await to_thread.run_sync(gateway.ops.users.redeem_invitation, token):
        await gateway.doors.note_refusal(request, "no invitation")
        raise HTTPException(403, "An invitation is required; operators make one with: qctl user invite")
    try:
        yield
    except BaseException:
        await to_thread.run_sync(gateway.ops.users.restore_invitation, token)
        raise


async def _create(user: NewUser, request: Request, gateway: Backend) -> User:
    try:
        return User.of(await gateway.accounts.create(user.username, user.email, user.password, request.is_disconnected))
    except EmailTakenError as error:
        raise HTTPException(409, error.message) from None


@router.post("/login", response_model=LoggedIn, responses=documented(400, 401, 403, 413, 429, 503))
async def login(
    credentials: Credentials, request: Request, response: Response, gateway: Gateway
) -> LoggedIn | JSONResponse:
    """Log in. The token is valid for QCTL_LOGIN_TTL seconds at every gateway of the site.

    After 10 wrong passwords of an account within 5 minutes, or 30 of a client address, the answer is 429.
    """
    attempt = await gateway.doors.enter(request, LOGIN, credentials.email.lower())
    try:
        token = await gateway.accounts.login(credentials.email, credentials.password, request.is_disconnected)
    except RefusedError as error:
        # Pages show `message`; some of them leave their login form on 401, and show nothing.
        return error_responses.error_response(gateway.settings.shapes.wrong_password, error.message, error.message)
    await gateway.doors.forgive(attempt)
    login_cookie.set_cookie(response, request, token, gateway.settings)
    return LoggedIn(jwt=token)


@router.post("/logout", responses=documented(400, 401, 503))
async def logout(
    user: CurrentUser,
    gateway: Gateway,
    response: Response,
    request: Annotated[LogoutRequest | None, Body()] = None,
) -> LoggedOut:
    """End this login, or with `everywhere` all logins of the user. Other gateways follow within a second."""
    await gateway.sessions.end(user, everywhere=request is not None and request.everywhere)
    login_cookie.delete_cookie(response, gateway.settings)
    return LoggedOut()
