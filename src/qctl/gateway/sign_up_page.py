"""`/signup`: the page that the link of `qctl user invite` opens. A form without scripts."""

from __future__ import annotations

from html import escape
from importlib.resources import files
from string import Template
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import HTMLResponse
from pydantic import ValidationError
from starlette.exceptions import HTTPException

from qctl.errors import BackpressureError, RateLimitedError, UsageError
from qctl.gateway.dependencies import Gateway
from qctl.gateway.error_responses import problems
from qctl.gateway.json_requests import JsonRoute
from qctl.gateway.login import create
from qctl.gateway.panel import require_own_origin
from qctl.gateway.schemas import SignUp

MAX_FIELD_CHARACTERS = 1000
"""Length at which a field of the form is refused before it is checked by its own rules."""

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    # The address of the page contains the invitation. With `no-referrer`, browsers send `Origin: null` with a form.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}

Field = Annotated[str, Form(max_length=MAX_FIELD_CHARACTERS)]

router = APIRouter(route_class=JsonRoute, prefix="/signup", tags=["users"], include_in_schema=False)


@router.get("")
async def page(
    gateway: Gateway, invitation: Annotated[str, Query(max_length=MAX_FIELD_CHARACTERS)] = ""
) -> HTMLResponse:
    """The form. Whether the invitation is good shows when it is sent: opening the page does not use it up."""
    if gateway.settings.signup_mode == "off":
        raise HTTPException(404, "sign-up is switched off by QCTL_SIGNUP")
    return _form(invitation=invitation)


@router.post("", dependencies=[Depends(require_own_origin)])
async def sign_up(
    request: Request, gateway: Gateway, username: Field, email: Field, password: Field, invitation: Field = ""
) -> HTMLResponse:
    """Create the user, by the same rules as `POST /user/create`."""
    status, problem = 201, ""
    try:
        user = SignUp(username=username, email=email, password=password, invitation=invitation or None)
        await create(user, request, gateway)
    except ValidationError as error:
        status, problem = 400, problems(error.errors())
    except UsageError as error:
        status, problem = 400, error.message
    except RateLimitedError as error:
        status, problem = 429, error.message
    except BackpressureError as error:
        status, problem = 503, error.message
    except HTTPException as error:
        status, problem = error.status_code, error.detail
    if not problem:
        return HTMLResponse(_template("signed_up.html").substitute(email=escape(email)), 201, HEADERS)
    return _form(username=username, email=email, invitation=invitation, problem=problem, status=status)


def _form(
    *, username: str = "", email: str = "", invitation: str = "", problem: str = "", status: int = 200
) -> HTMLResponse:
    """The form with what was typed, except for the password."""
    values = {"username": username, "email": email, "invitation": invitation, "problem": problem}
    html = _template("sign_up.html").substitute({name: escape(value) for name, value in values.items()})
    return HTMLResponse(html, status, HEADERS)


def _template(name: str) -> Template:
    return Template(files("qctl.gateway").joinpath(name).read_text(encoding="utf-8"))
