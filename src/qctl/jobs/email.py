"""Jobs of the queue `email`: one mail each. The names of their arguments are the third seed document's."""

from __future__ import annotations

import logging
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from qctl.broker.worker import job_context
from qctl.errors import RejectedError
from qctl.jobs.batches import settings
from qctl.mail.compose import compose
from qctl.mail.transport import send

log = logging.getLogger(__name__)


def welcome_email(userEmail: str, userName: str) -> dict[str, str]:
    """Mail to a new user."""
    return _mail("welcome-email", userEmail, {"userName": userName})


def password_reset(userEmail: str, resetUrl: str, userName: str | None = None) -> dict[str, str]:
    """Mail with a link to set a new password. Raises RejectedError where it is no link to a web page."""
    parts = urlsplit(resetUrl)
    if parts.scheme not in ("https", "http") or not parts.hostname or any(c.isspace() for c in resetUrl):
        raise RejectedError(f"resetUrl is no link: {resetUrl!r:.80}")
    return _mail("password-reset", userEmail, {"userName": userName, "resetUrl": resetUrl})


def low_stock_alert(
    userEmail: str,
    items: list[dict[str, Any]],
    businessId: str | int | None = None,
) -> dict[str, str]:
    """Alert: these products are running out."""
    rows = [{"sku": str(item["sku"]), "quantity": item["quantity"]} for item in items]
    return _mail("low-stock-alert", userEmail, {"items": rows, "businessId": businessId})


def report_ready(
    userEmail: str,
    reportType: str,
    businessId: str | int | None = None,
    reportFile: str | None = None,
) -> dict[str, str]:
    """Mail: a report can be fetched."""
    told = {"reportType": reportType, "businessId": businessId, "reportFile": reportFile}
    return _mail("report-ready", userEmail, told)


def alert_email(userEmail: str, subject: str, text: str) -> dict[str, str]:
    """Mail to an operator: a rule of `qctl alert` says that something is wrong, or well again."""
    return _mail("alert-email", userEmail, {"subject": subject, "text": text})


def notification_email(userEmail: str, text: str, kind: str | None = None) -> dict[str, str]:
    """Mail: a note to a receiver who wants them by mail."""
    return _mail("notification-email", userEmail, {"text": text, "kind": kind})


def _mail(template: str, to: str, values: dict[str, Any]) -> dict[str, str]:
    given = settings()
    mail = compose(
        template,
        values,
        to=to,
        sent_by=given.smtp_from,
        key=job_context.job_id() or uuid4().hex,
        folder=given.mail_templates,
    )
    where = send(mail, given)
    log.info(
        "%s sent", template, extra={"event": "sent", "jobId": job_context.job_id(), "traceId": job_context.trace()}
    )
    return {"messageId": str(mail["Message-ID"]), "to": where}
