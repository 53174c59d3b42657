"""`POST /api/readings`: JSON readings or InfluxDB line protocol, into the buffer that MQTT readings use too."""

from __future__ import annotations

import hmac
from functools import partial
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from qctl.errors import RejectedError
from qctl.gateway import error_responses
from qctl.gateway.admin_auth import admin_key, operator_of
from qctl.gateway.authentication import bearer, token_of, user_of
from qctl.gateway.dependencies import backend_of
from qctl.gateway.direct_routes import DirectRoute, query_parameter, read_query
from qctl.gateway.error_responses import documented
from qctl.gateway.request_bodies import read_body
from qctl.gateway.schemas import Failure
from qctl.models import RejectedLine
from qctl.sources import http_readings

LINE_PROTOCOL_TYPES = ("text/plain", "application/octet-stream")
"""Content types that clients of InfluxDB send with line protocol."""

MIN_THREADED_BYTES = 32 * 1024
"""Size from which a body is parsed in a thread instead of on the event loop."""

MAX_REASONS = 10
"""Rejected readings listed with their reason in a response; the others are only counted."""

router = APIRouter(route_class=DirectRoute, prefix="/api", tags=["readings"])

_EXAMPLE = {"device": "livingroom", "temperature": 21.5, "humidity": 40, "timestamp": "2024-03-20T10:30:00Z"}
_BODY = {
    "required": True,
    "content": {
        "application/json": {
            "schema": {"oneOf": [{"type": "object"}, {"type": "array", "items": {"type": "object"}}]},
            "examples": {"one": {"value": _EXAMPLE}, "many": {"value": [_EXAMPLE, {"device": "attic", "door": True}]}},
        },
        "text/plain": {
            "schema": {"type": "string"},
            "example": "bme280,device=livingroom temperature=21.5,humidity=40 1710930600000000000",
        },
    },
}


class Accepted(BaseModel):
    """Readings that are committed to the buffer."""

    success: bool = True
    accepted: int = Field(examples=[2])
    left_out: dict[str, int] | None = Field(
        default=None,
        description="values that were not stored, by name; missing if there are none",
        examples=[{"log": 2}],
    )
    clocks_not_set: int | None = Field(
        default=None, description="times that the time of receipt replaced; missing if there are none"
    )


async def require_sender(request: Request) -> None:
    """Authenticate a sender: a device with QCTL_READINGS_TOKEN, a user, or an operator. Raises HTTPException."""
    backend = backend_of(request)
    readings_token = backend.settings.readings_token
    token = token_of(request)
    token = _influx_token(request) if token is None else token
    key = request.headers.get(admin_key.model.name)
    if readings_token is not None and hmac.compare_digest((token or "").encode(), readings_token.encode()):
        request.state.user = "readings-token"
    elif key:
        await operator_of(request, key, token)
    elif token is None or token.count(".") == 2 or readings_token is None:
        await user_of(request, token)
    else:
        await backend.doors.check_key(request, False, "Invalid token")


def _influx_token(request: Request) -> str | None:
    """The token of `Authorization: Token ...`, as clients of InfluxDB send it."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token if scheme.lower() == "token" else None


@router.post("/mqtt/data", status_code=202, include_in_schema=False)
async def post_as_dashboard(request: Request) -> Response:
    """Post readings where the replaced dashboard takes them: `{"location": ..., "measurements": {...}}`, or others."""
    return await _post(request, ReadingsQuery())


class ReadingsQuery(BaseModel):
    """The query of a request with readings."""

    topic: Annotated[str | None, Field(max_length=1024)] = None
    precision: Literal["ns", "us", "ms", "s"] = "ns"


_TOPIC = "topic of all readings of a JSON body, which are then parsed as MQTT payloads"
_PARAMETERS = [
    query_parameter(ReadingsQuery, "topic", _TOPIC),
    query_parameter(ReadingsQuery, "precision", "unit of times in line protocol"),
]


@router.post(
    "/readings",
    status_code=202,
    response_model=Accepted,
    dependencies=[Depends(admin_key), Depends(bearer)],
    responses={**documented(400, 401, 413, 503), 415: {"model": Failure, "description": "Unsupported content type"}},
    openapi_extra={"requestBody": _BODY, "parameters": _PARAMETERS},
)
async def post(request: Request) -> Response:
    """Post readings. 202: they are in the buffer. 503 with Retry-After: they may not be, so send them again. 400: a
    reading is invalid, the response says which, and none was accepted.

    A JSON reading has `device` or `topic`, fields of numbers, booleans and texts, and optionally `timestamp` (ISO 8601
    or a number since 1970). Without a timestamp it gets the current time, and is stored twice if sent twice. The body
    may be compressed with gzip. Values that cannot be stored are counted by name in `left_out`.
    """
    return await _post(request, read_query(request, ReadingsQuery))


async def _post(request: Request, query: ReadingsQuery) -> Response:
    await require_sender(request)
    gateway = backend_of(request)
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    body = await read_body(request)
    if content_type == "application/json":
        parse = partial(http_readings.parse_json, gateway.settings, body, query.topic)
    elif content_type in LINE_PROTOCOL_TYPES:
        parse = partial(http_readings.parse_lines, gateway.settings, body, query.precision)
    else:
        raise HTTPException(415, "Content-Type must be application/json, or text/plain for line protocol")
    try:
        parsed = await run_in_threadpool(parse) if len(body) > MIN_THREADED_BYTES else parse()
    except RejectedError as error:
        return error_responses.error_response(400, "Invalid request", error.message)
    if parsed.refused:
        total = parsed.refused + len(parsed.items)
        return error_responses.error_response(
            400, f"{parsed.refused} of {total} readings are invalid; none was accepted", _reasons(parsed.bad)
        )
    await gateway.readings.add(parsed)
    accepted = Accepted(
        accepted=len(parsed.items), left_out=parsed.left_out or None, clocks_not_set=parsed.clocks or None
    )
    return Response(accepted.model_dump_json(exclude_none=True), 202, media_type="application/json")


def _reasons(bad: list[RejectedLine]) -> str:
    return "; ".join(f"reading {reading.line}: {reading.reason}" for reading in bad[:MAX_REASONS])
