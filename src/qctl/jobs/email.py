"""Jobs of the queue `email`: each sends one email. docs/compatibility.md explains the names of their arguments."""

from __future__ import annotations

import logging
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from qctl.broker.worker import job_context
from qctl.broker.worker.job_context import RunAgain
from qctl.errors import RejectedError
from qctl.jobs.batches import settings
from qctl.mail.compose import compose
from qctl.mail.transport import MailDeferredError, send

DEFERRAL_SECONDS = (60, 300, 600, 1200, 2400, 3600, 7200, 14_400, 28_800)
"""Times (s) between tries of a mail that the server does not accept now: 16 hours in all. Greylisting servers accept a
mail after some minutes, at the latest after hours."""

MAX_NAMED_SECONDS = 14_400
"""Longest time (s) that a server may name."""

Sent = dict[str, str] | RunAgain
"""Result of a job: the mail's id, or that it runs again."""

log = logging.getLogger(__name__)


def welcome_email(userEmail: str, userName: str) -> Sent:
    """Send a welcome email to a new user."""
    return _send("welcome-email", userEmail, {"userName": userName})


def password_reset(userEmail: str, resetUrl: str, userName: str | None = None) -> Sent:
    """Send an email with a link to set a new password. Raises RejectedError unless it is an HTTP or HTTPS URL."""
    parts = urlsplit(resetUrl)
    if parts.scheme not in ("https", "http") or not parts.hostname or any(c.isspace() for c in resetUrl):
        raise RejectedError(f"resetUrl is not an HTTP or HTTPS URL: {resetUrl!r:.80}")
    return _send("password-reset", userEmail, {"userName": userName, "resetUrl": resetUrl})


def low_stock_alert(
    userEmail: str,
    items: list[dict[str, Any]],
    businessId: str | int | None = None,
) -> Sent:
    """Send an alert that products are running low."""
    rows = [{"sku": str(item["sku"]), "quantity": item["quantity"]} for item in items]
    return _send("low-stock-alert", userEmail, {"items": rows, "businessId": businessId})


def report_ready(
    userEmail: str,
    reportType: str,
    businessId: str | int | None = None,
    reportFile: str | None = None,
) -> Sent:
    """Send an email that a report is ready."""
    values = {"reportType": reportType, "businessId": businessId, "reportFile": reportFile}
    return _send("report-ready", userEmail, values)


def alert_email(userEmail: str, subject: str, text: str) -> Sent:
    """Send an operator the email of an alert rule: a queue is unhealthy, or has recovered."""
    return _send("alert-email", userEmail, {"subject": subject, "text": text})


def notification_email(userEmail: str, text: str, kind: str | None = None) -> Sent:
    """Send a notification to a receiver who chose email."""
    return _send("notification-email", userEmail, {"text": text, "kind": kind})


def _send(template: str, to: str, values: dict[str, Any]) -> Sent:
    current = settings()
    mail = compose(
        template,
        values,
        to=to,
        sent_by=current.smtp_from,
        key=job_context.job_id() or uuid4().hex,
        folder=current.mail_templates,
    )
    try:
        recipient = send(mail, current)
    except MailDeferredError as error:
        return _defer(error)
    log.info("%s sent", template, extra={"event": "sent"})
    return {"messageId": str(mail["Message-ID"]), "to": recipient}


def _defer(error: MailDeferredError) -> RunAgain:
    """Send the mail later, at the time that the server named or by the schedule. Raises RejectedError at its end."""
    tried = job_context.retries()
    if tried >= len(DEFERRAL_SECONDS):
        raise RejectedError(f"given up after {tried + 1} tries: {error.message}") from error
    seconds = max(DEFERRAL_SECONDS[tried], min(error.retry_after or 0, MAX_NAMED_SECONDS))
    job_context.progress(0, note=f"deferred: {error.message}")
    log.info("mail deferred for %d s: %s", seconds, error.message, extra={"event": "deferred"})
    return job_context.retry_after(seconds)
