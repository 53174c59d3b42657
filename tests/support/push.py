"""A browser's side of Web Push, written from the RFCs: its subscription, and what it checks and decrypts."""

from __future__ import annotations

import base64
import json
import os
from typing import Any

import http_ece
import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from support.web import Request


def encode(data: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def decode(text: str) -> bytes:
    """The bytes of base64url without padding."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Browser:
    """A browser that subscribed at a push service with the public key of a site."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._secret = os.urandom(16)

    @property
    def subscription(self) -> dict[str, Any]:
        """The subscription, as `PushSubscription.toJSON()` returns it."""
        point = self._key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        keys = {"p256dh": encode(point), "auth": encode(self._secret)}
        return {"endpoint": self.endpoint, "expirationTime": None, "keys": keys}

    def decrypt(self, request: Request) -> Any:
        """The message of a request, as JSON."""
        assert request.headers["Content-Encoding"] == "aes128gcm"
        assert len(request.body) <= 4096
        return json.loads(http_ece.decrypt(request.body, private_key=self._key, auth_secret=self._secret))


def verified_claims(request: Request, site_key: str, audience: str) -> dict[str, Any]:
    """The claims that a request is signed with, after the checks of a push service (RFC 8292)."""
    scheme, _, parameters = request.headers["Authorization"].partition(" ")
    values = dict(part.strip().split("=", 1) for part in parameters.split(","))
    assert (scheme, values["k"]) == ("vapid", site_key)
    key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), decode(site_key))
    claims: dict[str, Any] = jwt.decode(values["t"], key, algorithms=["ES256"], audience=audience)
    return claims
