"""Web Push (RFC 8030): sends a notification, encrypted for each browser of its receiver, to the browser's push service.

pywebpush encrypts (RFC 8291) and py_vapid signs (RFC 8292). Requests go through `http_client`, so that a subscription
cannot name a host that QCTL_ALLOWED_HOSTS does not.
"""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from qctl import extras
from qctl.errors import RejectedError
from qctl.http_client import PartnerUnavailableError, Request, ResourceGoneError, is_allowed, send
from qctl.settings import Settings
from qctl.store import push_subscriptions
from qctl.store.notifications import Notification
from qctl.store.push_subscriptions import PushSubscription
from qctl.store.sql import Database

log = logging.getLogger(__name__)

MAX_PAYLOAD_BYTES = 3993
"""Largest message that every push service takes: 4,096 bytes when it is encrypted."""

KEPT_BY_SERVICE_SECONDS = 86_400
"""Time for which a push service keeps a message for a browser that is away (`TTL`)."""

SIGNATURE_SECONDS = 3600
"""Time for which the signature of a request is valid; push services accept a day at most."""

REQUEST_SECONDS = 10.0
ALL_REQUESTS_SECONDS = 40.0
"""Time for one push service to reply, and for all of a notification: less than the timeout of the job."""

TOPIC_CHARACTERS = 32


@dataclass(frozen=True)
class PushIdentity:
    """The private key with which this site signs, and its contact for push services."""

    key: str
    contact: str

    def sign(self, endpoint: str) -> dict[str, str]:
        """The header that authorises a request to an endpoint."""
        parts = urlsplit(endpoint)
        claims = {
            "aud": f"{parts.scheme}://{parts.netloc}",
            "sub": self.contact,
            "exp": int(time.time()) + SIGNATURE_SECONDS,
        }
        header: dict[str, str] = self._vapid().sign(claims)
        return header

    def public_key(self) -> str:
        """The public key in base64url, which a page passes to `pushManager.subscribe`."""
        numbers = self._vapid().public_key.public_numbers()
        point = b"\x04" + numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big")
        return base64.urlsafe_b64encode(point).decode().rstrip("=")

    def _vapid(self) -> Any:
        module = extras.load("py_vapid", extra="push", needed_by="QCTL_PUSH_KEY")
        return module.Vapid02.from_raw(self.key.encode())


def identity(settings: Settings) -> PushIdentity:
    """The identity of this site. Raises RejectedError if Web Push is off."""
    if not settings.push_key or not settings.push_contact:
        raise RejectedError("Web Push is off: set QCTL_PUSH_KEY and QCTL_PUSH_CONTACT")
    return PushIdentity(settings.push_key, settings.push_contact)


def check_endpoint(endpoint: str, hosts: tuple[str, ...]) -> None:
    """Raise RejectedError unless an endpoint is https and its host allowed."""
    if not endpoint.startswith("https://"):
        raise RejectedError("endpoint is not an https:// URL")
    if not is_allowed(endpoint, hosts):
        raise RejectedError(f"the push service {urlsplit(endpoint).netloc!r:.200} is not in QCTL_ALLOWED_HOSTS")


def push(db: Database, note: Notification, settings: Settings) -> int:
    """Push a notification to every browser of its receiver, unless an earlier attempt did. Returns their number.

    A subscription that its push service no longer knows is deleted. Raises PartnerUnavailableError if a push service
    does not take it now, RejectedError if none takes it.
    """
    sender, end = identity(settings), time.monotonic() + ALL_REQUESTS_SECONDS
    payload, pushed = _payload(note), push_subscriptions.pushed_to(db, note.id)
    problems: list[RejectedError | PartnerUnavailableError] = []
    for subscription in push_subscriptions.read(db, note.receiver):
        if subscription.id in pushed:
            continue
        if time.monotonic() > end:
            problems.append(PartnerUnavailableError("push services answer too slowly"))
            break
        try:
            _send(subscription, note, payload, sender, settings.allowed_hosts)
        except ResourceGoneError:
            push_subscriptions.remove(db, note.receiver, subscription.id)
            log.info("a subscription has ended, and is deleted", extra={"event": "unsubscribed"})
        except (RejectedError, PartnerUnavailableError) as error:
            problems.append(error)
            log.warning("a push service does not take the notification: %s", error.message)
        else:
            push_subscriptions.record_pushed(db, note.id, subscription.id)
            pushed.add(subscription.id)
    for problem in problems:
        if isinstance(problem, PartnerUnavailableError) or not pushed:
            raise problem
    return len(pushed)


def _send(
    subscription: PushSubscription, note: Notification, payload: bytes, sender: PushIdentity, hosts: tuple[str, ...]
) -> None:
    check_endpoint(subscription.endpoint, hosts)
    library = extras.load("pywebpush", extra="push", needed_by="QCTL_PUSH_KEY")
    keys = {"p256dh": subscription.public_key, "auth": subscription.secret}
    try:
        body = library.WebPusher({"endpoint": subscription.endpoint, "keys": keys}).encode(payload)["body"]
    except ValueError as error:
        raise RejectedError(f"the subscription's public key is not a point of P-256: {error}") from error
    headers = {
        "Content-Encoding": "aes128gcm",
        "Content-Type": "application/octet-stream",
        "TTL": str(KEPT_BY_SERVICE_SECONDS),
        "Topic": _topic(note.id),
        **sender.sign(subscription.endpoint),
    }
    send(Request(subscription.endpoint, "POST", headers, body, timeout_seconds=REQUEST_SECONDS), hosts)


def _topic(notification_id: str) -> str:
    """A topic: of two messages with one, a browser that is away gets the later alone."""
    digest = hashlib.sha256(notification_id.encode()).digest()
    return base64.urlsafe_b64encode(digest).decode()[:TOPIC_CHARACTERS]


def _payload(note: Notification) -> bytes:
    """A notification as JSON; if it is too large, without its data, and then with the beginning of its text."""
    content = {"id": note.id, "kind": note.kind, "text": note.text, "data": note.data}
    text = note.text
    while len(payload := json.dumps(content, ensure_ascii=False).encode()) > MAX_PAYLOAD_BYTES:
        if content["data"] is None:
            text = text[: len(text) * 3 // 4]
            content["text"] = text + "\u2026"
        content["data"] = None
    return payload
