"""Mails the owner of a job that became a dead letter, in a thread of the scheduler, if QCTL_MAIL_OWNERS asks for it.

The events are read as a consumer group, and a mail's job has an id made of the event: any number of schedulers, killed
or not, send one mail for each death. A mail's job has no owner, so that its failure causes no mail.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Sequence
from datetime import timezone
from threading import Event as Flag

from qctl.broker.bookkeeping.event_consumer import EventConsumer
from qctl.broker.redis.connection import Backoff, connect, translate_errors
from qctl.broker.redis.outage import Outage
from qctl.errors import QctlError
from qctl.models import Event, OwnedJob
from qctl.models.events import moment_of
from qctl.safe import escape_line
from qctl.service import QueueService
from qctl.settings import Settings

log = logging.getLogger(__name__)

CONSUMER_GROUP = "qctl-owner-mail"
"""Consumer group of the event stream."""

DEATHS = frozenset({"dead", "quarantined"})

EVENTS_PER_READ = 200

MAX_MAILS_PER_HOUR = 10
"""Mails to one owner in an hour; the last one says that there may be more. Each scheduler counts for itself."""

HOUR_SECONDS = 3600.0


class OwnerMail:
    """Sends the mails until it is stopped."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._redis = connect(settings, name="qctl-owner-mail")
        self._consumer = EventConsumer(self._redis, CONSUMER_GROUP)
        self._sent: Counter[str] = Counter()
        self._hour_ends = 0.0

    def run(self, stop: Flag) -> None:
        """Send mails until `stop` is set, if the settings ask for it. After any error, retry."""
        backoff, outage = Backoff(), Outage(log, "no mails to owners of failed jobs are sent")
        while self._settings.mail_owners and not stop.is_set():
            try:
                self.start()
                while not stop.is_set():
                    self.step(block_ms=1000)
                    backoff.reset()
                    outage.end()
            except QctlError as error:
                outage.add(error.message)
                stop.wait(backoff.next_delay())
            except Exception:
                log.exception("mail to owners: unexpected error")
                stop.wait(backoff.next_delay())
        self._redis.close()

    def start(self) -> None:
        """Begin at the present the first time, later where the last one ended. Raises QctlError."""
        with translate_errors(self._settings):
            self._consumer.create_group(start="$")
            while events := self._consumer.pending(EVENTS_PER_READ):
                self._send_all(events)

    def step(self, block_ms: int) -> None:
        """Send the mails of the next events, waiting up to `block_ms` for the first. Raises QctlError."""
        with translate_errors(self._settings):
            self._send_all(self._consumer.read(EVENTS_PER_READ, block_ms))

    def _send_all(self, events: Sequence[Event]) -> None:
        """Enqueue a mail for each death of a job with an owner, then acknowledge the events."""
        deaths = [event for event in events if event.event in DEATHS and event.fields.get("job")]
        if deaths:
            with QueueService(self._settings) as service:
                owned = {job.id: job for job in service.owned_jobs(sorted({event.fields["job"] for event in deaths}))}
                for event in deaths:
                    if job := owned.get(event.fields["job"]):
                        self._send(service, job, event)
        self._consumer.acknowledge(events)

    def _send(self, service: QueueService, job: OwnedJob, event: Event) -> None:
        """Enqueue one mail, unless the owner is no user or got enough of them."""
        from qctl.ops.alert_channels import MAIL_JOB  # large imports that few schedulers need
        from qctl.store.users import open_user_store

        if time.monotonic() > self._hour_ends:
            self._sent.clear()
            self._hour_ends = time.monotonic() + HOUR_SECONDS
        users = open_user_store(self._settings)
        try:
            user = users.find_by_id(job.owner)
        finally:
            users.close()
        if user is None or self._sent[job.owner] >= MAX_MAILS_PER_HOUR:
            return
        self._sent[job.owner] += 1
        data = {
            "userEmail": user.email,
            "subject": f"Job failed: {escape_line(job.name)}",
            "text": self._text(job, event),
        }
        service.enqueue(MAIL_JOB, data, unique=f"owner-mail|{job.id}|{event.id}")
        log.info("mail to the owner of a failed job enqueued", extra={"jobId": job.id, "userId": job.owner})

    def _text(self, job: OwnedJob, event: Event) -> str:
        died = moment_of(event.id).astimezone(timezone.utc)
        lines = [
            f"Your job {escape_line(job.name)} failed on {died:%Y-%m-%d} at {died:%H:%M} UTC.",
            "It will not be tried again by itself.",
            "",
            f"Its id is {escape_line(job.id)}. An operator can find the reason by it.",
        ]
        if self._sent[job.owner] >= MAX_MAILS_PER_HOUR:
            lines += ["", "Of further failures within this hour no mail is sent."]
        return "\n".join(lines) + "\n"
