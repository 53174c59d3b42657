"""Errors as answers: one shape for all of them, and the status that each means."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from qctl.errors import (
    BackpressureError,
    NotFoundError,
    QctlError,
    RateLimitedError,
    RefusedError,
    SinkError,
    UnreachableError,
    UsageError,
    WaitTimeoutError,
)
from qctl.gateway.schemas import Failure
from qctl.safe import escape_line

log = logging.getLogger(__name__)

RETRY_AFTER = 2
"""Seconds after which it makes sense to ask again where a server was away."""

STATUS: Mapping[type[QctlError], int] = {
    UsageError: 400,
    NotFoundError: 404,
    RateLimitedError: 429,
    RefusedError: 403,
    BackpressureError: 503,
    UnreachableError: 503,
    SinkError: 503,
    WaitTimeoutError: 504,
}
"""The first of an error's classes that stands here decides; any other error is ours: 500."""

_EXAMPLES: Mapping[int, Failure] = {
    400: Failure(error="Invalid request", message="name: Field required"),
    401: Failure(error="Invalid token"),
    403: Failure(error="Forbidden"),
    404: Failure(error="no job is called 'My Job'"),
    409: Failure(error="Email already in use"),
    413: Failure(error="Request body too large"),
    429: Failure(
        error="Rate limit exceeded",
        message="Maximum 10 job creation attempts per minute. Try again in 30 seconds.",
        retryAfter=30,
    ),
    501: Failure(error="GraphQL is not installed", message="pip install 'qctl[graphql]'"),
    503: Failure(error="Service unavailable", message="try again soon", retryAfter=RETRY_AFTER),
    504: Failure(error="Service unavailable", message="try again soon", retryAfter=RETRY_AFTER),
}


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The errors that a route may answer with, for its documentation."""
    return {
        status: {
            "model": Failure,
            "description": _EXAMPLES[status].error,
            "content": {"application/json": {"example": _EXAMPLES[status].model_dump(exclude_none=True)}},
        }
        for status in statuses
    }


def failure(
    status: int, error: str, message: str | None = None, retry_after: int | None = None, **headers: str
) -> JSONResponse:
    """An answer that is an error."""
    if retry_after is not None:
        headers["Retry-After"] = str(retry_after)
    told = Failure(
        error=escape_line(error), message=None if message is None else escape_line(message), retryAfter=retry_after
    )
    return JSONResponse(told.model_dump(exclude_none=True), status, headers)


def install(app: FastAPI) -> None:
    """Have `app` answer errors in this shape."""
    app.add_exception_handler(QctlError, _ours)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_exception_handler(HTTPException, _of_http)
    app.add_exception_handler(Exception, _unexpected)


def meaning(error: QctlError) -> tuple[int, Failure]:
    """The status that an error of ours means, and what is told of it."""
    status = next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 500)
    if status >= 500:
        # What is wrong with a server of the site is for its operators.
        log.error("%s", error.message)
        if status == 500:
            return status, Failure(error="Internal server error")
        return status, Failure(error="Service unavailable", message="try again soon", retryAfter=RETRY_AFTER)
    if isinstance(error, RateLimitedError) and error.retry_after is not None:
        return status, Failure(error="Rate limit exceeded", message=error.message, retryAfter=error.retry_after)
    return status, Failure(error=error.message)


async def _ours(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, QctlError)  # noqa: S101 - what it is installed for
    status, told = meaning(error)
    return failure(status, told.error, told.message, told.retryAfter)


def problems(found: Sequence[Mapping[str, Any]]) -> str:
    """What is wrong with a document, as pydantic lists it, in one line."""
    return "; ".join(f"{'.'.join(str(part) for part in each['loc']) or 'body'}: {each['msg']}" for each in found[:10])


async def _malformed(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - what it is installed for
    found = [{**each, "loc": each["loc"][1:]} for each in error.errors()]
    return failure(400, "Invalid request", problems(found))


async def _of_http(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 - what it is installed for
    return failure(error.status_code, str(error.detail), None, None, **dict(error.headers or {}))


async def _unexpected(_request: Request, _error: Exception) -> JSONResponse:
    """The error itself is logged where the request ends."""
    return failure(500, "Internal server error")
