"""Callbacks and webhooks of a job: records those that the worker may not run, and sends the webhooks that it may.

RQ imports any callback that a job's hash names, and calls any URL. Here QCTL_ALLOWED_JOBS must allow a callback, and
QCTL_ALERT_WEBHOOKS a URL; what is not allowed is left out, and an event, a count and a log line say so.
"""

from __future__ import annotations

import json
import logging
import urllib.error
import urllib.request
from http.client import HTTPException
from typing import Any

from redis import Redis
from redis.client import Pipeline
from rq.job import Job
from rq.webhook import Webhook

from qctl.broker.bookkeeping import counters, events
from qctl.settings.allowed_urls import is_allowed_url

log = logging.getLogger(__name__)

MAX_WEBHOOK_SECONDS = 10.0
"""Maximum time (s) that a webhook may take: the worker runs no other job meanwhile."""

MAX_NAME_CHARACTERS = 200


def record_omitted(pipe: Pipeline | Redis, job: Job, what: str, name: str, setting: str) -> None:
    """Record a callback or webhook that was not run because a setting does not allow it."""
    reason = f"{what} {name[:MAX_NAME_CHARACTERS]} was not run: {setting} does not allow it"
    log.warning("job %s of %s: %s", job.id, job.origin, reason, extra={"event": "omitted", "jobId": job.id})
    events.record(pipe, "omitted", queue=job.origin, job=job.id, reason=reason)
    if isinstance(pipe, Pipeline):
        counters.increment(pipe, job.origin, "omitted")


def send_webhook(job: Job, webhook: Webhook, exc_string: str | None, allowed: tuple[str, ...]) -> None:
    """Send one webhook, or record that its URL is not allowed. Logs errors, and raises none."""
    if not is_allowed_url(webhook.url, allowed):
        with job.connection.pipeline() as pipe:
            record_omitted(pipe, job, f"webhook for {webhook.job_status}", webhook.url, "QCTL_ALERT_WEBHOOKS")
            pipe.execute()
        return
    try:
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
    except (OSError, HTTPException, ValueError, TypeError, AttributeError) as error:
        log.warning("job %s of %s: its webhook failed: %s", job.id, job.origin, getattr(error, "reason", error))


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """Refuse: the target of a redirect is not allowed by QCTL_ALERT_WEBHOOKS."""
