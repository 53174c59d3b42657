"""Web Push: `GET /api/push/key`, and the browsers that a user subscribes at `/api/push/subscriptions`."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated

from fastapi import APIRouter
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from qctl.errors import NotFoundError, RejectedError
from qctl.gateway.authentication import CurrentUser
from qctl.gateway.dependencies import Backend, Gateway
from qctl.gateway.error_responses import documented
from qctl.gateway.json_requests import JsonRoute
from qctl.gateway.schemas import Text
from qctl.jobs import web_push
from qctl.jobs.web_push import PushIdentity
from qctl.store import push_subscriptions
from qctl.store.push_subscriptions import MAX_ENDPOINT_CHARACTERS, PushSubscription

router = APIRouter(route_class=JsonRoute, prefix="/api/push", tags=["push"])

POINT_BYTES = 65
"""Size of a public key of P-256 that is not compressed: 4, x and y."""

SECRET_BYTES = 16

_EXAMPLE = "https://push.example/send/cNf2k"
_EXAMPLE_POINT = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("is not base64url") from None


def _point(text: str) -> str:
    point = _decode(text)
    if len(point) != POINT_BYTES or point[0] != 4:
        raise ValueError("is not a public key of P-256: 65 bytes that begin with 4")
    return text.rstrip("=")


def _secret(text: str) -> str:
    if len(_decode(text)) != SECRET_BYTES:
        raise ValueError("is not 16 bytes")
    return text.rstrip("=")


class Keys(BaseModel):
    """Keys of a browser, in base64url."""

    p256dh: Annotated[Text, Field(max_length=100, examples=[_EXAMPLE_POINT]), AfterValidator(_point)]
    auth: Annotated[Text, Field(max_length=30, examples=["BTBZMqHH6r4Tts7J_aSIgg"]), AfterValidator(_secret)]


class Endpoint(BaseModel):
    """The URL of a browser's push service."""

    endpoint: Annotated[Text, Field(max_length=MAX_ENDPOINT_CHARACTERS, examples=[_EXAMPLE])]


class NewSubscription(Endpoint):
    """A browser's subscription, as `PushSubscription.toJSON()` returns it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"endpoint": _EXAMPLE, "keys": {"p256dh": _EXAMPLE_POINT, "auth": "BTBZMqHH6r4Tts7J_aSIgg"}}]
        }
    )

    keys: Keys


class PublicKey(BaseModel):
    """The `applicationServerKey` for `pushManager.subscribe`."""

    success: bool = True
    publicKey: str = Field(examples=[_EXAMPLE_POINT])


class Subscribed(BaseModel):
    """A subscription that was stored."""

    success: bool = True
    subscriptions: int = Field(description="number of the user's subscriptions", examples=[1])


class Unsubscribed(BaseModel):
    """A subscription that was deleted."""

    success: bool = True


@router.get("/key", responses=documented(401, 404, 503))
def key(user: CurrentUser, gateway: Gateway) -> PublicKey:
    """The public key of this site, with which a page subscribes. 404 if Web Push is off."""
    del user
    return PublicKey(publicKey=_identity(gateway).public_key())


@router.post("/subscriptions", status_code=201, responses=documented(400, 401, 404, 503))
def subscribe(subscription: NewSubscription, user: CurrentUser, gateway: Gateway) -> Subscribed:
    """Store a browser's subscription, which replaces the user's oldest beyond ten. Notifications are pushed to it once
    the user chose `push` by the job `set-notification-preference`."""
    _identity(gateway)
    try:
        web_push.check_endpoint(subscription.endpoint, gateway.settings.allowed_hosts)
    except RejectedError as error:
        raise HTTPException(400, error.message) from None
    stored = PushSubscription(subscription.endpoint, subscription.keys.p256dh, subscription.keys.auth)
    with push_subscriptions.open_database(gateway.settings) as db:
        return Subscribed(subscriptions=push_subscriptions.add(db, user.id, stored))


@router.delete("/subscriptions", responses=documented(400, 401, 404, 503))
def unsubscribe(subscription: Endpoint, user: CurrentUser, gateway: Gateway) -> Unsubscribed:
    """Delete a browser's subscription."""
    ended = PushSubscription(subscription.endpoint, "", "")
    with push_subscriptions.open_database(gateway.settings) as db:
        if not push_subscriptions.remove(db, user.id, ended.id):
            raise NotFoundError("subscription not found among yours")
    return Unsubscribed()


def _identity(gateway: Backend) -> PushIdentity:
    try:
        return web_push.identity(gateway.settings)
    except RejectedError as error:
        raise NotFoundError(error.message) from None
