"""`POST /api/v2/write`, as InfluxDB answers it: for agents and libraries that write to InfluxDB.

Line protocol goes into the buffer of readings. `org` and `bucket` are ignored. The answers are those of InfluxDB 2:
204 if every line was taken, 400 if none could be parsed, 422 if some could not: then the others are stored, as agents
expect, which do not send such a batch again. With 503, they do.
https://docs.influxdata.com/influxdb/v2/write-data/troubleshoot/
"""

from __future__ import annotations

from functools import partial

from fastapi import APIRouter, Depends, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from qctl.errors import QctlError, RejectedError
from qctl.gateway import error_responses
from qctl.gateway.admin_auth import admin_key
from qctl.gateway.authentication import bearer
from qctl.gateway.dependencies import backend_of
from qctl.gateway.direct_routes import DirectRoute, query_parameter
from qctl.gateway.reading_routes import MAX_REASONS, MIN_THREADED_BYTES, require_sender
from qctl.gateway.request_bodies import read_body
from qctl.safe import escape_line
from qctl.sources import http_readings, line_protocol
from qctl.sources.http_readings import Posted

router = APIRouter(route_class=DirectRoute, prefix="/api/v2", tags=["readings"])

CODES = {
    400: "invalid",
    401: "unauthorized",
    403: "forbidden",
    413: "request too large",
    415: "unsupported media type",
    422: "unprocessable entity",
    429: "too many requests",
    503: "unavailable",
}
"""InfluxDB's codes of errors, by HTTP status."""


class InfluxError(BaseModel):
    """An error as InfluxDB reports it."""

    code: str = Field(examples=["invalid"])
    message: str = Field(examples=["unable to parse line 1: line does not begin with a measurement"])


class WriteQuery(BaseModel):
    """The query of a write; its other parameters are ignored."""

    precision: str = "ns"


_RESPONSES = {status: {"model": InfluxError, "description": code.capitalize()} for status, code in CODES.items()}
_BODY = {
    "required": True,
    "content": {
        "text/plain": {
            "schema": {"type": "string"},
            "example": "bme280,device=livingroom temperature=21.5,humidity=40 1710930600000000000",
        }
    },
}
_PARAMETERS = [query_parameter(WriteQuery, "precision", "unit of times: ns, us, ms or s")]


@router.post(
    "/write",
    status_code=204,
    response_class=Response,
    responses={204: {"description": "Every line was taken"}, **_RESPONSES},  # type: ignore[dict-item]
    dependencies=[Depends(admin_key), Depends(bearer)],
    openapi_extra={"requestBody": _BODY, "parameters": _PARAMETERS},
)
async def write(request: Request) -> Response:
    """Write line protocol, as to InfluxDB 2. The token is that of the readings: `Authorization: Token ...`."""
    gateway = backend_of(request)
    precision = request.query_params.get("precision", "ns")
    try:
        await require_sender(request)
        body = await read_body(request)
        if precision not in line_protocol.PRECISIONS:
            return _error(400, f"invalid precision; valid precision units are {', '.join(line_protocol.PRECISIONS)}")
        parse = partial(http_readings.parse_lines, gateway.settings, body, precision)
        posted = await run_in_threadpool(parse) if len(body) > MIN_THREADED_BYTES else parse()
        await gateway.readings.add(posted)
    except RejectedError as error:
        return _error(400, error.message)
    except HTTPException as error:
        return _error(error.status_code, str(error.detail))
    except QctlError as error:
        status, failure = error_responses.describe(error)
        return _error(status, failure.message or failure.error, failure.retryAfter)
    if not posted.refused:
        return Response(status_code=204)
    if not posted.items:
        return _error(400, _reasons(posted))
    return _error(422, f"partial write: {_reasons(posted)} dropped={posted.refused}")


def _reasons(posted: Posted) -> str:
    return "; ".join(f"unable to parse line {line.line}: {line.reason}" for line in posted.bad[:MAX_REASONS])


def _error(status: int, message: str, retry_after: int | None = None) -> JSONResponse:
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    code = CODES.get(status, "internal error")
    return JSONResponse({"code": code, "message": escape_line(message)}, status, headers)
