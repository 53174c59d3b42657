"""Jobs of the queue `notification`: notify a receiver by the channel they chose, and set that channel.

Every notification is stored in the app. By webhook, ntfy (push to phones), Web Push (to browsers) or email it is sent
once, or again with the same `Idempotency-Key` or `Topic` if the worker was killed before it recorded the first attempt.
Beyond a receiver's rate limit nothing is sent: the notification is only stored in the app, and the job's result is
`held`.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any
from uuid import uuid4

from qctl.broker.bookkeeping import inbox
from qctl.broker.worker import job_context
from qctl.catalog.builtin import MAX_TEXT_CHARS
from qctl.errors import RejectedError
from qctl.http_client import Request, is_allowed, send
from qctl.jobs import web_push
from qctl.jobs.batches import settings
from qctl.jobs.common_arguments import parse_id, parse_text
from qctl.jobs.follow_up_jobs import enqueue_follow_up, redis_connection
from qctl.mail.compose import parse_address
from qctl.safe import redact_url
from qctl.store import notifications, push_subscriptions
from qctl.store.notifications import MAX_TARGET_CHARACTERS, DeliveryPreference, Notification

log = logging.getLogger(__name__)

MAX_KIND_CHARS = 64

_HEADER_TEXT = re.compile(r"[ -~]+")

MAX_DATA_BYTES = 65_536
"""Largest `data` of a notification, as JSON; a larger one is rejected."""

WEBHOOK_TIMEOUT_SECONDS = 20.0
"""Time for a webhook to reply, less than the timeout of the job."""


def notify(
    receiverId: str | int, text: str, kind: str | None = None, data: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Store a notification in the app, and send it by webhook, ntfy, push or email if the receiver chose that.

    Returns its id, and `how` it was sent: a channel, `held` if the receiver's rate limit is reached, or `app` if no
    browser is subscribed.

    Raises RejectedError if an argument or the receiver's target is invalid, PartnerUnavailableError if the receiver's
    server does not reply, SinkError if the database or Redis cannot be used.
    """
    note = _note(receiverId, text, kind, data)
    with notifications.open_database(settings()) as db:
        is_sent = notifications.store_notification(db, note)
        wish = notifications.read_preference(db, note.receiver)
        if is_sent or wish.how == "app":
            return {"notificationId": note.id, "how": wish.how}
        if wish.how not in _SENDERS:
            raise RejectedError(f"unknown notification channel {wish.how!r:.40}; allowed: {', '.join(CHANNELS)}")
        if not _within_rate_limit(note):
            log.warning(
                "rate limit of the receiver reached: notification stored in the app only", extra={"event": "held"}
            )
            return {"notificationId": note.id, "how": "held"}
        if not _SENDERS[wish.how](note, wish.target or ""):
            return {"notificationId": note.id, "how": "app"}
        notifications.record_sent(db, note.id, wish.how)
        if wish.how == "push":
            push_subscriptions.clear_pushed(db, note.id)
    log.info("notification sent by %s", wish.how, extra={"event": "notified"})
    return {"notificationId": note.id, "how": wish.how}


def set_notification_preference(receiverId: str | int, by: str, target: str | None = None) -> dict[str, Any]:
    """Set a receiver's channel: `by` app, webhook, ntfy, push or email. `target` is the URL or address;
    push goes to the browsers that the receiver subscribed.

    Of two such jobs the one created later wins, whichever runs first. Returns `how` the receiver is notified from now
    on. Raises RejectedError if the target is not allowed, SinkError if the database cannot be used.
    """
    receiver = parse_id("receiverId", receiverId)
    preference = _preference(by, parse_text("target", target, MAX_TARGET_CHARACTERS))
    created_at = job_context.created() or datetime.now(timezone.utc)
    with notifications.open_database(settings()) as db:
        if not notifications.set_preference(db, receiver, preference, created_at):
            log.info("a newer preference of the receiver is already set", extra={"event": "outdated"})
        return {"how": notifications.read_preference(db, receiver).how}


def _preference(how: str, target: str | None) -> DeliveryPreference:
    if how == "app":
        return DeliveryPreference(how, None)
    if how not in _SENDERS:
        raise RejectedError(f"unknown notification channel {how!r:.40}; allowed: {', '.join(CHANNELS)}")
    if how == "push":
        web_push.identity(settings())
        return DeliveryPreference(how, None)
    if target is None:
        raise RejectedError(f"channel {how!r} needs a target, a URL or an email address")
    if how in ("webhook", "ntfy") and not is_allowed(target, settings().allowed_hosts):
        raise RejectedError(f"the host of {redact_url(target)!r:.200} is not in QCTL_ALLOWED_HOSTS")
    return DeliveryPreference(how, parse_address(target) if how == "email" else target)


def _note(receiver: str | int, text: str, kind: str | None, data: Mapping[str, Any] | None) -> Notification:
    body = parse_text("text", text, MAX_TEXT_CHARS)
    if body is None:
        raise RejectedError("text is empty")
    if data is not None and len(json.dumps(dict(data))) > MAX_DATA_BYTES:
        raise RejectedError(f"data is larger than {MAX_DATA_BYTES} bytes of JSON")
    topic = parse_text("kind", kind, MAX_KIND_CHARS)
    return Notification(job_context.job_id() or uuid4().hex, parse_id("receiverId", receiver), body, topic, data)


def _within_rate_limit(note: Notification) -> bool:
    with redis_connection("the rate limit cannot be checked") as connection:
        return inbox.allow_notification(connection, note.receiver, note.id, settings().notifications_per_minute)


def _send_webhook(note: Notification, url: str) -> bool:
    body = {"id": note.id, "receiverId": note.receiver, "kind": note.kind, "text": note.text, "data": note.data}
    headers = {"Content-Type": "application/json", "Idempotency-Key": note.id}
    if trace := job_context.trace():
        headers["X-Trace-Id"] = trace
    request = Request(url, "POST", headers, json.dumps(body).encode(), timeout_seconds=WEBHOOK_TIMEOUT_SECONDS)
    send(request, settings().allowed_hosts)
    return True


def _send_ntfy(note: Notification, topic_url: str) -> bool:
    """Publish to a topic of an ntfy server, whose app shows it on the receiver's phones."""
    headers = {"Content-Type": "text/plain; charset=utf-8", "Idempotency-Key": note.id}
    if note.kind and _HEADER_TEXT.fullmatch(note.kind):
        headers["Title"] = note.kind
    send(
        Request(topic_url, "POST", headers, note.text.encode(), timeout_seconds=WEBHOOK_TIMEOUT_SECONDS),
        settings().allowed_hosts,
    )
    return True


def _send_push(note: Notification, _target: str) -> bool:
    with push_subscriptions.open_database(settings()) as db:
        return web_push.push(db, note, settings()) > 0


def _send_email(note: Notification, target: str) -> bool:
    enqueue_follow_up("notification-email", {"userEmail": parse_address(target), "text": note.text, "kind": note.kind})
    return True


_SENDERS = {"webhook": _send_webhook, "ntfy": _send_ntfy, "push": _send_push, "email": _send_email}
"""Sends by each channel; False if the receiver has nothing to which it could."""

CHANNELS = ("app", *_SENDERS)
"""Channels that a receiver may choose."""
