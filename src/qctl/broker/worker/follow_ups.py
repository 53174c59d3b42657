"""Callbacks and webhooks of a job: records those that the worker may not run, and sends the webhooks that it may.

RQ imports any callback that a job's hash names, and calls any URL. Here QCTL_ALLOWED_JOBS must allow a callback, and
QCTL_ALERT_WEBHOOKS a URL; what is not allowed is left out, and an event, a count and a log line say so.
"""

from __future__ import annotations

import logging

from redis import Redis
from redis.client import Pipeline
from rq.job import Job
from rq.webhook import Webhook

from qctl.broker.bookkeeping import counters, events
from qctl.settings.allowed_urls import is_allowed_url

log = logging.getLogger(__name__)

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
    from qctl.broker.worker import webhook_request  # a large import that few workers need

    try:
        webhook_request.send(webhook, job, exc_string)
    except webhook_request.ERRORS as error:
        log.warning("job %s of %s: its webhook failed: %s", job.id, job.origin, getattr(error, "reason", error))
