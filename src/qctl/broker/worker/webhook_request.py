"""The HTTP request of a job's webhook."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from http.client import HTTPException
from typing import Any

from rq.job import Job
from rq.webhook import Webhook

MAX_WEBHOOK_SECONDS = 10.0
"""Maximum time (s) that a webhook may take: the worker runs no other job meanwhile."""

ERRORS = (OSError, HTTPException, ValueError, TypeError, AttributeError)
"""Errors that `send` raises, also for a webhook whose fields hold other types."""


def send(webhook: Webhook, job: Job, exc_string: str | None) -> None:
    """Send one webhook, whose URL was found to be allowed. Raises one of `ERRORS`."""
    body = None
    headers: dict[str, str] = {"User-Agent": "qctl", **(webhook.headers or {})}
    if webhook.method == "POST":
        body = json.dumps(webhook.get_payload(job, exc_string=exc_string)).encode()
        headers["Content-Type"] = "application/json"
    request = urllib.request.Request(  # noqa: S310 - the scheme is one that is allowed
        webhook.url, data=body, headers=headers, method=webhook.method
    )
    opener = urllib.request.build_opener(_NoRedirect, urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=min(float(webhook.timeout), MAX_WEBHOOK_SECONDS)):
        pass


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """Refuse: the target of a redirect is not allowed by QCTL_ALERT_WEBHOOKS."""
