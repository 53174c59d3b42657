"""Routes of the busiest paths: their requests pass FastAPI by, whose router and dependencies take longer than they do.

Such a route has a fixed path, and an endpoint that takes the request alone and returns the response. FastAPI knows it
for the documentation of the API, and for requests with other methods.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, TypeVar

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from starlette.responses import Response

from qctl.gateway import error_responses
from qctl.gateway.json_requests import JsonRequest, JsonRoute
from qctl.gateway.middleware import Application, Receive, Scope, Send

Endpoint = Callable[[Request], Awaitable[Response]]

M = TypeVar("M", bound=BaseModel)

MISSING = {"type": "missing", "loc": ("body",), "msg": "Field required"}
"""The problem of a request without a body, as FastAPI reports it."""


class DirectRoute(JsonRoute):
    """Route class of such routes. Its parameters and body are documented by `openapi_extra`."""


class DirectRoutes:
    """Serves requests for direct routes of `routers`; `app` serves all others. `api` has the state of the gateway."""

    def __init__(self, app: Application, api: FastAPI, routers: Iterable[APIRouter]) -> None:
        self._app = app
        self._api = api
        self._endpoints: dict[tuple[str, str], Endpoint] = {}
        for router in routers:
            for route in router.routes:
                if isinstance(route, DirectRoute):
                    self._add(route)

    def _add(self, route: DirectRoute) -> None:
        paths = {route.path, route.path if route.path.startswith("/api/") else f"/api{route.path}"}
        self._endpoints |= {(method, path): route.endpoint for method in route.methods or () for path in paths}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        endpoint = self._endpoints.get((scope["method"], scope["path"])) if scope["type"] == "http" else None
        if endpoint is None:
            await self._app(scope, receive, send)
            return
        scope["app"] = self._api
        request = JsonRequest(scope, receive, send)
        try:
            response = await endpoint(request)
        except error_responses.EXPECTED as error:
            response = error_responses.of(error)
        await response(scope, receive, send)


async def read_model(request: Request, model: type[M]) -> M:
    """The body of a request, which must be JSON. Raises RequestValidationError as FastAPI does."""
    content: object = await request.body()
    if not content:
        raise RequestValidationError([MISSING])
    if _is_json(request.headers.get("content-type", "")):
        try:
            content = await request.json()
        except json.JSONDecodeError as error:
            raise RequestValidationError([{"loc": ("body", error.pos), "msg": "JSON decode error"}]) from None
    return validated(model, content, "body")


def validated(model: type[M], content: object, place: str) -> M:
    """`content` as a model. Raises RequestValidationError, with `place` before the name of each field."""
    try:
        return model.model_validate(content, from_attributes=True)
    except ValidationError as error:
        problems = error.errors(include_url=False)
        raise RequestValidationError([{**one, "loc": (place, *one["loc"])} for one in problems]) from None


def json_body(model: type[BaseModel]) -> Mapping[str, Any]:
    """The documentation of a JSON body."""
    return {"required": True, "content": {"application/json": {"schema": model.model_json_schema()}}}


def read_query(request: Request, model: type[M]) -> M:
    """The query of a request. Raises RequestValidationError."""
    return validated(model, dict(request.query_params), "query") if request.scope["query_string"] else model()


def query_parameter(model: type[BaseModel], name: str, description: str) -> Mapping[str, Any]:
    """The documentation of a field of a query."""
    schema = model.model_json_schema()["properties"][name]
    return {"name": name, "in": "query", "required": False, "schema": schema, "description": description}


def _is_json(content_type: str) -> bool:
    kind, _, subtype = content_type.partition(";")[0].strip().lower().partition("/")
    return kind == "application" and (subtype == "json" or subtype.endswith("+json"))
