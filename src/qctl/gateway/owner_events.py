"""What happens to the jobs of users, out of the event stream, as their pages are told it: the fourth seed's events.

Every process of qctl writes to that stream, so the changes of all of them are here, whichever gateway one asks.
"""

from __future__ import annotations

import logging
import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from qctl.broker.redis.connection import Backoff
from qctl.errors import QctlError, UnreachableError
from qctl.gateway.schemas import Job
from qctl.models import Event, EventFilter, OwnedJob, OwnedStatus
from qctl.ops import Ops
from qctl.service import QueueService

log = logging.getLogger(__name__)

REACH = 120.0
"""Seconds before it began that a gateway knows of: those who were with another one may come to it."""

KNOWN = 50_000
"""Jobs of which it is remembered whose they are; of others it is asked again."""

OFFSET = re.compile(r"[0-9]{1,16}-[0-9]{1,16}")
"""A place in the stream."""

CHANGES: dict[str, tuple[OwnedStatus, OwnedStatus]] = {
    "started": ("pending", "running"),
    "finished": ("running", "completed"),
    "retried": ("running", "pending"),
    "recovered": ("running", "pending"),
    "returned": ("running", "pending"),
    "dead": ("running", "dlq"),
    "quarantined": ("running", "dlq"),
    "requeued": ("dlq", "pending"),
    "canceled": ("pending", "failed"),
    "discarded": ("dlq", "failed"),
}
"""What an event says that a job was before, and is now."""

WANTED = EventFilter(events=("created", *CHANGES))


@dataclass(frozen=True)
class Happening:
    """What one user is told: events by their names, after the place `offset` of the stream."""

    offset: str
    owner: str
    told: Sequence[tuple[str, dict[str, Any]]]


def place(offset: str) -> tuple[int, int]:
    """A place in the stream, to be compared with others."""
    ms, _, sequence = offset.partition("-")
    return int(ms), int(sequence)


class Follower:
    """Follows the stream in a thread of its own."""

    def __init__(self, ops: Ops, service: QueueService) -> None:
        self._ops = ops
        self._service = service
        self._stop = threading.Event()
        self._known: OrderedDict[str, OwnedJob | None] = OrderedDict()

    def stop(self) -> None:
        """Have `run` return, within about a second."""
        self._stop.set()

    def run(self, began: Callable[[str], None], tell: Callable[[list[Happening]], None]) -> None:
        """Follow until stopped. `began` is told from where on everything is known, `tell` what happens."""
        after = self._beginning()
        if after is None:
            return
        began(after)
        backoff = Backoff()
        while not self._stop.is_set():
            try:
                for batch in self._ops.events.follow(WANTED, after=after, away=self._away):
                    if self._stop.is_set():
                        return
                    backoff.reset()
                    if found := list(self._happenings(batch)):
                        tell(found)
                    after = batch[-1].id if batch else after
            except QctlError as error:  # a key of another type, say: requests are answered all the same
                self._away(error, backoff.next_delay())

    def _beginning(self) -> str | None:
        backoff = Backoff()
        while not self._stop.is_set():
            try:
                newest, _ = place(self._ops.events.last_id())
                return f"{max(0, newest - round(REACH * 1000))}-0"
            except QctlError as error:
                self._away(error, backoff.next_delay())
        return None

    def _away(self, error: QctlError, seconds: float) -> None:
        log.warning("nobody is told what happens: %s", error.message)
        self._stop.wait(seconds)

    def _happenings(self, batch: Sequence[Event]) -> Iterator[Happening]:
        ids = {event.fields["job"] for event in batch if "job" in event.fields and not self._is_nobodys(event)}
        found = self._read(list(ids)) if ids else {}
        for event in batch:
            job_id = event.fields.get("job", "")
            job = found.get(job_id) or self._known.get(job_id)
            if job_id in ids:
                self._remember(job_id, job)
            if job is not None:
                yield Happening(event.id, job.owner, _told(event, job))

    def _read(self, ids: Sequence[str]) -> dict[str, OwnedJob]:
        backoff = Backoff()
        while not self._stop.is_set():
            try:
                return {job.id: job for job in self._service.owned_jobs(ids)}
            except UnreachableError as error:
                self._away(error, backoff.next_delay())
            except QctlError as error:  # one that cannot be read keeps nobody from hearing of the others
                if len(ids) == 1:
                    log.warning("nobody is told of job %s: %s", ids[0], error.message)
                    return {}
                return {job_id: job for each in ids for job_id, job in self._read([each]).items()}
        return {}

    def _is_nobodys(self, event: Event) -> bool:
        """Whether a job is known to be nobody's: most are, and are not to be asked for each time."""
        job_id = event.fields["job"]
        if event.event == "created" and "owner" not in event.fields:
            self._remember(job_id, None)
        return job_id in self._known and self._known[job_id] is None

    def _remember(self, job_id: str, job: OwnedJob | None) -> None:
        self._known[job_id] = job
        self._known.move_to_end(job_id)
        if len(self._known) > KNOWN:
            self._known.popitem(last=False)


def _told(event: Event, job: OwnedJob) -> list[tuple[str, dict[str, Any]]]:
    """The events that the owner hears. The job may be further by now than this event: it is told of as it was."""
    if event.event == "created":
        return [("job:created", _document(job, "pending"))]
    before, now = CHANGES[event.event]
    document = _document(job, now)
    changed = {**document, "jobId": job.id, "oldStatus": before, "newStatus": now, "job": document}
    told = [("job:status:updated", changed)]
    if now == "completed":
        told.append(("job:completed", document))
    elif now == "dlq":
        told += [("job:movedToDLQ", document), ("job:dlq", document)]
    return told


def _document(job: OwnedJob, status: OwnedStatus) -> dict[str, Any]:
    return Job.of(replace(job, status=status)).model_dump(mode="json", by_alias=True)
