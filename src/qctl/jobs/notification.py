"""Jobs of the queue `notification`: a receiver is told something, in the way they chose, and chooses that way.

A note is kept in the app in any case. By webhook or mail it is sent once, or again with the same `Idempotency-Key`
where a worker was killed between the sending and the note of it. What is above the limit of a receiver is not sent: it
stays in the app, and the job's result says so.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any
from uuid import uuid4

from qctl.broker.bookkeeping import inbox
from qctl.broker.worker import job_context
from qctl.errors import RejectedError
from qctl.http_client import Request, allowed, send
from qctl.jobs import log_context
from qctl.jobs.batches import settings
from qctl.jobs.common_arguments import named, written
from qctl.jobs.follow_up_jobs import follow, redis
from qctl.mail.compose import address
from qctl.safe import redact_url
from qctl.store import notifications
from qctl.store.notifications import LONGEST_TARGET, Note, Wish

log = logging.getLogger(__name__)

LONGEST = 10_000
LONGEST_KIND = 64
"""Characters."""

MOST_DATA = 65_536
"""Bytes as JSON."""

SECONDS = 20.0
"""A webhook may take, less than the job."""


def notify(
    receiverId: str | int, text: str, kind: str | None = None, data: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Keep a note in the app, and send it by webhook or mail where the receiver wants that.

    Returns its id, and `how` it was sent: `app`, `webhook`, `email`, or `held` where the receiver gets too many.

    Raises RejectedError where there is no such note or the receiver's URL or address is none, PartnerUnavailableError
    where their server does not answer, SinkError where the database or Redis cannot be used.
    """
    note = _note(receiverId, text, kind, data)
    with notifications.opened(settings()) as db:
        is_sent = notifications.keep(db, note)
        wish = notifications.wish(db, note.receiver)
        if is_sent or wish.how == "app":
            return {"notificationId": note.id, "how": wish.how}
        if wish.how not in _SENDERS:
            raise RejectedError(f"the receiver wants to be told by {wish.how!r:.40}, which there is not")
        if not _admitted(note):
            log.warning("the receiver gets too many: it stays in the app", extra=log_context.of("held"))
            return {"notificationId": note.id, "how": "held"}
        _SENDERS[wish.how](note, wish.target or "")
        notifications.note_sent(db, note.id, wish.how)
    log.info("notification sent by %s", wish.how, extra=log_context.of("notified"))
    return {"notificationId": note.id, "how": wish.how}


def set_notification_preference(receiverId: str | int, by: str, target: str | None = None) -> dict[str, Any]:
    """Have a receiver be told `by` webhook or email, at the URL or address `target`, or in the app alone.

    Of two wishes the one counts that was created later, whichever runs first. Returns `how` they are told from now on.

    Raises RejectedError where nothing may be sent there, SinkError where the database cannot be used.
    """
    receiver = named("receiverId", receiverId)
    wanted = _wish(by, written("target", target, LONGEST_TARGET))
    at = job_context.created() or datetime.now(timezone.utc)
    with notifications.opened(settings()) as db:
        if not notifications.prefer(db, receiver, wanted, at):
            log.info("the receiver wished something else since", extra=log_context.of("outdated"))
        return {"how": notifications.wish(db, receiver).how}


def _wish(how: str, target: str | None) -> Wish:
    if how == "app":
        return Wish(how, None)
    if how not in _SENDERS:
        raise RejectedError(f"receivers are told by app, webhook or email, not by {how!r:.40}")
    if target is None:
        raise RejectedError(f"who is told by {how} needs a target, the URL or the address")
    if how == "webhook" and not allowed(target, settings().allowed_hosts):
        raise RejectedError(f"no webhook may go there: hosts are in QCTL_ALLOWED_HOSTS: {redact_url(target)!r:.200}")
    return Wish(how, address(target) if how == "email" else target)


def _note(receiver: str | int, text: str, kind: str | None, data: Mapping[str, Any] | None) -> Note:
    said = written("text", text, LONGEST)
    if said is None:
        raise RejectedError("text is empty")
    if data is not None and len(json.dumps(dict(data))) > MOST_DATA:
        raise RejectedError(f"data is larger than {MOST_DATA} bytes")
    about = written("kind", kind, LONGEST_KIND)
    return Note(job_context.job_id() or uuid4().hex, named("receiverId", receiver), said, about, data)


def _admitted(note: Note) -> bool:
    with redis("notifications cannot be counted") as connection:
        return inbox.allow_notification(connection, note.receiver, note.id, settings().notifications_per_minute)


def _by_webhook(note: Note, url: str) -> None:
    body = {"id": note.id, "receiverId": note.receiver, "kind": note.kind, "text": note.text, "data": note.data}
    headers = {"Content-Type": "application/json", "Idempotency-Key": note.id}
    if trace := job_context.trace():
        headers["X-Trace-Id"] = trace
    request = Request(url, "POST", headers, json.dumps(body).encode(), seconds=SECONDS)
    send(request, settings().allowed_hosts)


def _by_email(note: Note, target: str) -> None:
    follow("notification-email", {"userEmail": address(target), "text": note.text, "kind": note.kind})


_SENDERS = {"webhook": _by_webhook, "email": _by_email}
