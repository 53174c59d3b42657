"""`POST /graphql`: one document at a time. The library that reads it is an extra, and loaded by the first request.

Where nothing of it could be answered the status is that of the first error, as other routes would have it.
"""

from __future__ import annotations

import logging
from importlib import import_module
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse
from fastapi.security import HTTPAuthorizationCredentials
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.exceptions import HTTPException

from qctl.errors import QctlError
from qctl.gateway import dependencies, error_responses
from qctl.gateway.admin_auth import Operator, admin_key, operator
from qctl.gateway.authentication import bearer
from qctl.gateway.dependencies import Backend
from qctl.gateway.error_responses import documented
from qctl.gateway.schemas import Failure
from qctl.safe import escape_line

log = logging.getLogger(__name__)

TOLD = 10
"""Errors of one answer."""

router = APIRouter(tags=["graphql"])


class Question(BaseModel):
    """A document of GraphQL, and what goes with it."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"query": "{ queues { name waiting paused } }"}]})

    query: str = Field(examples=["{ queues { name waiting paused } }"])
    operationName: str | None = Field(None, examples=[None])
    variables: dict[str, Any] | None = Field(None, examples=[{"queue": "email"}])


class Answered(BaseModel):
    """What was found; `errors` tells what was not, each with its `status` among the `extensions`."""

    data: dict[str, Any] = Field(examples=[{"queues": [{"name": "email", "waiting": 3, "paused": False}]}])
    errors: list[dict[str, Any]] | None = None


async def maybe_operator(
    request: Request,
    key: Annotated[str | None, Depends(admin_key)],
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)],
) -> Operator | HTTPException:
    """Whoever may change queues, or why they may not. Raises HTTPException for a key or token that is none."""
    try:
        return await operator(request, key, credentials)
    except HTTPException as error:
        if error.status_code != 403 and (key is not None or credentials is not None):
            raise
        return error


@router.post("/graphql", response_model=Answered, responses=documented(400, 401, 403, 404, 413, 501, 503, 504))
def graphql(
    question: Question,
    who: Annotated[Operator | HTTPException, Depends(maybe_operator)],
    gateway: Annotated[Backend, Depends(dependencies.of)],
) -> JSONResponse:
    """Ask for queues, jobs, dead letters by cause, and readings; pause, resume and retry. Anybody may ask for queues,
    all else wants the admin key or an admin's token. One document of at most 600 words and brackets, with 15 aliases.
    """
    try:
        schema, limits = (import_module(f"qctl.gateway.graphql_{part}") for part in ("schema", "limits"))
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("qctl"):
            raise
        return error_responses.failure(501, "GraphQL is not installed", "pip install 'qctl[graphql]'")
    from graphql import GraphQLError
    from strawberry.schema.exceptions import CannotGetOperationTypeError

    try:
        limits.check(question.query, question.operationName)
        found = schema.schema.execute_sync(
            question.query,
            variable_values=question.variables,
            context_value=schema.Asked(gateway, who),
            operation_name=question.operationName,
        )
    except GraphQLError as error:
        return _answer(None, [error])
    except CannotGetOperationTypeError:
        return error_responses.failure(400, "Invalid request", "operationName: it is none of this document's")
    except RecursionError:
        return error_responses.failure(400, "Invalid request", "query: it is nested too deeply")
    return _answer(found.data, found.errors or [])


def _answer(data: dict[str, Any] | None, errors: list[Any]) -> JSONResponse:
    """Data beside errors as GraphQL has them, and where there is no data our own words too."""
    told = [(_meaning(error), error.path) for error in errors[:TOLD]]
    listed = [
        {
            "message": f"{failure.error}: {failure.message}" if failure.message else failure.error,
            **({"path": path} if path else {}),
            "extensions": {"status": status, **failure.model_dump(include={"retryAfter"}, exclude_none=True)},
        }
        for (status, failure), path in told
    ]
    if not told or (data and any(value is not None for value in data.values())):
        return JSONResponse({"data": data, **({"errors": listed} if listed else {})})
    status, failure = told[0][0]
    return JSONResponse(
        {"data": data, "errors": listed, **failure.model_dump(exclude_none=True)},
        status,
        {} if failure.retryAfter is None else {"Retry-After": str(failure.retryAfter)},
    )


def _meaning(error: Any) -> tuple[int, Failure]:
    """The status that an error means, and what is told of it: nothing of what nobody expected."""
    cause = error.original_error
    if isinstance(cause, QctlError):
        status, told = error_responses.meaning(cause)
        return status, told.model_copy(update={"error": escape_line(told.error)})
    if isinstance(cause, HTTPException):
        return cause.status_code, Failure(error=str(cause.detail))
    if isinstance(cause, ValidationError):
        return 400, Failure(error="Invalid request", message=escape_line(error_responses.problems(cause.errors())))
    if cause is None or isinstance(cause, type(error)):
        return 400, Failure(error="Invalid request", message=escape_line(error.message))
    log.error("nobody expected this", exc_info=cause)
    return 500, Failure(error="Internal server error")
