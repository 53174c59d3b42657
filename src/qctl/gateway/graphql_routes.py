"""`POST /graphql`: one document per request. Its library is an optional extra, imported by the first request.

If no field could be resolved, the HTTP status is that of the first error, as on other routes.
"""

from __future__ import annotations

import logging
from importlib import import_module
from importlib.resources import files
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from fastapi.security import HTTPAuthorizationCredentials
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.exceptions import HTTPException

from qctl.errors import QctlError
from qctl.gateway import error_responses, json_requests
from qctl.gateway.admin_auth import Operator, admin_key
from qctl.gateway.admin_auth import operator as require_operator
from qctl.gateway.authentication import bearer
from qctl.gateway.dependencies import Backend, Gateway
from qctl.gateway.error_responses import documented
from qctl.gateway.json_requests import JsonRoute
from qctl.gateway.schemas import Failure
from qctl.safe import escape_line

log = logging.getLogger(__name__)

MAX_QUERY_CHARACTERS = 8000
"""Characters of a query, and of its variables, in an address."""

PAGE_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )
}

MAX_ERRORS = 10
"""Errors in one response; further ones are left out."""

router = APIRouter(route_class=JsonRoute, tags=["graphql"])


class GraphQLRequest(BaseModel):
    """A GraphQL document with its variables."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"query": "{ queues { name waiting paused } }"}]})

    query: str = Field(examples=["{ queues { name waiting paused } }"])
    operationName: str | None = Field(None, examples=[None])
    variables: dict[str, Any] | None = Field(None, examples=[{"queue": "email"}])


class GraphQLResponse(BaseModel):
    """Data, and `errors` of fields that could not be resolved, each with a `status` in its `extensions`."""

    data: dict[str, Any] = Field(examples=[{"queues": [{"name": "email", "waiting": 3, "paused": False}]}])
    errors: list[dict[str, Any]] | None = None


async def optional_operator(
    request: Request,
    key: Annotated[str | None, Depends(admin_key)],
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)],
) -> Operator | HTTPException:
    """The operator, or the error to raise when one is needed. Raises HTTPException for an invalid key or token."""
    try:
        return await require_operator(request, key, credentials)
    except HTTPException as error:
        if error.status_code != 403 and (key is not None or credentials is not None):
            raise
        return error


@router.post("/graphql", response_model=GraphQLResponse, responses=documented(400, 401, 403, 404, 413, 501, 503, 504))
def graphql(
    query: GraphQLRequest,
    operator: Annotated[Operator | HTTPException, Depends(optional_operator)],
    gateway: Gateway,
) -> JSONResponse:
    """Query queues, jobs, dead letters by cause, and readings; pause, resume and retry.

    Queues are public; everything else needs the admin key or an admin's token. One document has at most 600 words and
    brackets, and 15 aliases.
    """
    return _execute(query, operator, gateway)


@router.get("/graphql", include_in_schema=False)
def graphql_page(
    operator: Annotated[Operator | HTTPException, Depends(optional_operator)],
    gateway: Gateway,
    query: Annotated[str, Query(max_length=MAX_QUERY_CHARACTERS)] = "",
    operationName: Annotated[str | None, Query(max_length=200)] = None,
    variables: Annotated[str, Query(max_length=MAX_QUERY_CHARACTERS)] = "",
) -> Response:
    """Run a query; without one, show a page with a form. Mutations need POST, because a link must not change queues."""
    if not query:
        page = files("qctl.gateway").joinpath("graphql.html").read_text(encoding="utf-8")
        return HTMLResponse(page, headers=PAGE_HEADERS)
    try:
        values = json_requests.parse(variables.encode()) if variables else None
        request = GraphQLRequest(query=query, operationName=operationName, variables=values)
    except (ValueError, ValidationError):
        return error_responses.error_response(400, "Invalid request", "variables: not a JSON object")
    return _execute(request, operator, gateway, reads_only=True)


def _execute(
    query: GraphQLRequest, operator: Operator | HTTPException, gateway: Backend, *, reads_only: bool = False
) -> JSONResponse:
    """Run a document."""
    try:
        schema, limits = (import_module(f"qctl.gateway.graphql_{part}") for part in ("schema", "limits"))
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("qctl"):
            raise
        return error_responses.error_response(501, "GraphQL is not installed", "pip install 'qctl[graphql]'")
    from graphql import GraphQLError
    from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
    from strawberry.types.graphql import OperationType

    try:
        limits.check(query.query, query.operationName)
        result = schema.schema.execute_sync(
            query.query,
            variable_values=query.variables,
            context_value=schema.RequestContext(gateway, operator),
            operation_name=query.operationName,
            allowed_operation_types=[OperationType.QUERY] if reads_only else None,
        )
    except GraphQLError as error:
        return _response(None, [error])
    except InvalidOperationTypeError:
        return error_responses.error_response(405, "Mutations need POST", Allow="POST")
    except CannotGetOperationTypeError:
        return error_responses.error_response(400, "Invalid request", "operationName: not found in this document")
    except RecursionError:
        return error_responses.error_response(400, "Invalid request", "query: nested too deeply")
    return _response(result.data, result.errors or [])


def _response(data: dict[str, Any] | None, errors: list[Any]) -> JSONResponse:
    """Data and errors as GraphQL defines them; without any data also the error body of other routes."""
    described = [(_describe(error), error.path) for error in errors[:MAX_ERRORS]]
    listed = [
        {
            "message": f"{failure.error}: {failure.message}" if failure.message else failure.error,
            **({"path": path} if path else {}),
            "extensions": {"status": status, **failure.model_dump(include={"retryAfter"}, exclude_none=True)},
        }
        for (status, failure), path in described
    ]
    if not described or (data and any(value is not None for value in data.values())):
        return JSONResponse({"data": data, **({"errors": listed} if listed else {})})
    status, failure = described[0][0]
    return JSONResponse(
        {"data": data, "errors": listed, **failure.model_dump(exclude_none=True)},
        status,
        {} if failure.retryAfter is None else {"Retry-After": str(failure.retryAfter)},
    )


def _describe(error: Any) -> tuple[int, Failure]:
    """The HTTP status and body for an error; an unexpected one is logged and not disclosed."""
    cause = error.original_error
    if isinstance(cause, QctlError):
        status, body = error_responses.describe(cause)
        return status, body.model_copy(update={"error": escape_line(body.error)})
    if isinstance(cause, HTTPException):
        return cause.status_code, Failure(error=str(cause.detail))
    if isinstance(cause, ValidationError):
        return 400, Failure(error="Invalid request", message=escape_line(error_responses.problems(cause.errors())))
    if cause is None or isinstance(cause, type(error)):
        return 400, Failure(error="Invalid request", message=escape_line(error.message))
    log.error("unexpected error", exc_info=cause)
    return 500, Failure(error="Internal server error")
