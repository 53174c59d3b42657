"""`POST /api/readings`: one reading, many, or line protocol, into the same buffer as those that come by MQTT."""

from __future__ import annotations

import hmac
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse
from fastapi.security import HTTPAuthorizationCredentials
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from qctl.errors import RejectedError
from qctl.gateway import dependencies, error_responses
from qctl.gateway.admin_auth import admin_key, operator
from qctl.gateway.authentication import bearer, caller
from qctl.gateway.dependencies import Backend
from qctl.gateway.error_responses import documented
from qctl.gateway.schemas import Failure
from qctl.models import RejectedLine
from qctl.sources import http_readings

LINES = ("text/plain", "application/octet-stream")
"""What clients of InfluxDB call line protocol."""

LARGE = 32 * 1024
"""Bytes of a body that is read beside the event loop."""

TOLD = 10
"""Readings that were refused of which an answer tells the reason."""

router = APIRouter(prefix="/api", tags=["readings"])

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
    """What was taken, and will not be lost."""

    success: bool = True
    accepted: int = Field(examples=[2])


async def sender(
    request: Request,
    key: Annotated[str | None, Depends(admin_key)],
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)],
) -> None:
    """Whoever may post readings: a device with QCTL_READINGS_TOKEN, a user, an operator. Raises HTTPException."""
    known = dependencies.held_by(request).settings.readings_token
    given = credentials.credentials if credentials else ""
    if known is not None and hmac.compare_digest(given.encode(), known.encode()):
        request.state.user = "readings-token"
    elif key is not None:
        await operator(request, key, credentials)
    else:
        await caller(request, credentials)


@router.post(
    "/readings",
    status_code=202,
    response_model=Accepted,
    dependencies=[Depends(sender)],
    responses={**documented(400, 401, 413, 503), 415: {"model": Failure, "description": "Another kind of body"}},
    openapi_extra={"requestBody": _BODY},
)
async def post(
    request: Request,
    gateway: Annotated[Backend, Depends(dependencies.of)],
    topic: Annotated[
        str | None, Query(max_length=1024, description="of all readings in JSON, which are then the payload alone")
    ] = None,
    precision: Annotated[Literal["ns", "us", "ms", "s"], Query(description="of times in line protocol")] = "ns",
) -> Any:
    """Take readings. 202 says that they are in the buffer; 503, with Retry-After, that they may not be: send them
    again. Of a request with a reading that is none, nothing is taken, and 400 says which it is.

    In JSON a reading has `device` or `topic`, fields that are numbers or booleans, and maybe `timestamp` (ISO 8601, or
    a number since 1970). Without one it was measured now; sent again it then shows twice.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    body = await request.body()
    if kind == "application/json":
        read = partial(http_readings.parse_json, gateway.settings, body, topic)
    elif kind in LINES:
        read = partial(http_readings.parse_lines, gateway.settings, body, precision)
    else:
        raise HTTPException(415, "Content-Type is application/json, or text/plain for line protocol")
    try:
        found = await run_in_threadpool(read) if len(body) > LARGE else read()
    except RejectedError as error:
        return error_responses.failure(400, "Invalid request", error.message)
    if found.refused:
        total = found.refused + len(found.items)
        return error_responses.failure(
            400, f"{found.refused} of {total} readings are refused, none is taken", _told(found.bad)
        )
    await gateway.intake.take(found.items)
    return JSONResponse(Accepted(accepted=len(found.items)).model_dump(), 202)


def _told(bad: list[RejectedLine]) -> str:
    return "; ".join(f"reading {each.line}: {each.reason}" for each in bad[:TOLD])
