"""Error responses: one JSON shape for all errors, and the HTTP status of each class."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from qctl import logs
from qctl.errors import (
    BackpressureError,
    BudgetError,
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

RETRY_AFTER_SECONDS = 2
"""Time after which a client should retry when a server is unreachable."""

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
"""HTTP status by error class, the first match in its method resolution order; 500 for any other."""

_EXAMPLES: Mapping[int, Failure] = {
    400: Failure(error="Invalid request", message="name: Field required"),
    401: Failure(error="Invalid token"),
    403: Failure(error="Forbidden"),
    404: Failure(error="job 'My Job' is not in the catalog"),
    409: Failure(error="Email already in use"),
    413: Failure(error="Request body too large"),
    429: Failure(
        error="Rate limit exceeded",
        message="Maximum 10 job creation attempts per minute. Try again in 30 seconds.",
        retryAfter=30,
    ),
    501: Failure(error="GraphQL is not installed", message="pip install 'qctl[graphql]'"),
    503: Failure(error="Service unavailable", message="try again soon", retryAfter=RETRY_AFTER_SECONDS),
    504: Failure(error="Service unavailable", message="try again soon", retryAfter=RETRY_AFTER_SECONDS),
}


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """OpenAPI documentation of the errors that a route may return."""
    return {
        status: {
            "model": Failure,
            "description": _EXAMPLES[status].error,
            "content": {"application/json": {"example": _EXAMPLES[status].model_dump(exclude_none=True)}},
        }
        for status in statuses
    }


def error_response(
    status: int, error: str, message: str | None = None, retry_after: int | None = None, **headers: str
) -> JSONResponse:
    """An error as an HTTP response."""
    if retry_after is not None:
        headers["Retry-After"] = str(retry_after)
    body = Failure(
        error=escape_line(error),
        message=None if message is None else escape_line(message),
        retryAfter=retry_after,
        traceId=logs.context_value("traceId"),
    )
    return JSONResponse(body.model_dump(exclude_none=True), status, headers)


def install(app: FastAPI) -> None:
    """Install the exception handlers in `app`."""
    for kind in EXPECTED:
        app.add_exception_handler(kind, _expected_error)
    app.add_exception_handler(Exception, _unexpected_error)


def describe(error: QctlError) -> tuple[int, Failure]:
    """The HTTP status and the response body for an error."""
    status = next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 500)
    if status >= 500:
        # Details of a server problem go to the log only: they are for the operators of the site.
        log.error("%s", error.message)
        if status == 500:
            return status, Failure(error="Internal server error")
        if isinstance(error, BudgetError):
            return status, Failure(error="No room for jobs", message=error.message, retryAfter=RETRY_AFTER_SECONDS)
        return status, Failure(error="Service unavailable", message="try again soon", retryAfter=RETRY_AFTER_SECONDS)
    if isinstance(error, RateLimitedError) and error.retry_after is not None:
        return status, Failure(error="Rate limit exceeded", message=error.message, retryAfter=error.retry_after)
    return status, Failure(error=error.message)


EXPECTED = (QctlError, RequestValidationError, HTTPException)
"""Errors that routes raise."""


def of(error: Exception) -> JSONResponse:
    """The response for one of the expected errors."""
    if isinstance(error, QctlError):
        status, body = describe(error)
        return error_response(status, body.error, body.message, body.retryAfter)
    if isinstance(error, RequestValidationError):
        errors = [{**problem, "loc": problem["loc"][1:]} for problem in error.errors()]
        return error_response(400, "Invalid request", problems(errors))
    if isinstance(error, HTTPException):
        return error_response(error.status_code, str(error.detail), None, None, **dict(error.headers or {}))
    raise error


async def _expected_error(_request: Request, error: Exception) -> JSONResponse:
    return of(error)


def problems(errors: Sequence[Mapping[str, Any]]) -> str:
    """Validation errors of pydantic in one line, at most 10 of them."""
    return "; ".join(
        f"{'.'.join(str(part) for part in error['loc']) or 'body'}: {error['msg']}" for error in errors[:10]
    )


async def _unexpected_error(_request: Request, _error: Exception) -> JSONResponse:
    """The request middleware logs the error itself."""
    return error_response(500, "Internal server error")
