"""Owner events: status changes of users' jobs, read from the event stream and converted to Socket.IO events.

Every process of qctl writes to that stream, so each gateway sees the changes made by all of them.
docs/compatibility.md explains the names of the events.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

from pydantic import ValidationError

from qctl.broker.redis.connection import Backoff
from qctl.broker.redis.outage import Outage
from qctl.errors import QctlError, UnreachableError
from qctl.gateway.schemas import ChatMessage, Job
from qctl.models import Event, EventFilter, OwnedJob, OwnedStatus
from qctl.ops import Ops
from qctl.service import QueueService
from qctl.settings.profiles import Shapes

log = logging.getLogger(__name__)

REPLAY_SECONDS = 120.0
"""Period before its start that a gateway reads from the stream, for clients that reconnect from another gateway."""

MAX_CACHED_OWNERS = 50_000
"""Size of the job-to-owner cache; beyond it the least recently used job is dropped and read again when needed."""

READ_SECONDS = 0.005
"""Shortest time (s) from one read of the stream to the next: the events of busy queues share one."""

UNWATCHED_READ_SECONDS = 0.1
"""The same while no client is connected: the events are then kept for those that connect later."""

ENTRY_ID = re.compile(r"[0-9]{1,16}-[0-9]{1,16}")
"""Format of the id of an entry of the stream."""

OFFSET = re.compile(rf"{ENTRY_ID.pattern}(-[0-9]{{1,2}})?")
"""Format of an offset: the id of an entry of the stream, and how many of its messages were received if not all."""

ALL_MESSAGES = 100
"""Stands for all messages of an entry; more than an entry makes."""

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
"""Status of a job before and after an event."""

DELIVERED = "delivered"
"""Event of a chat message that is in its receiver's inbox."""

EVENT_FILTER = EventFilter(events=("created", DELIVERED, *CHANGES))


Messages = Sequence[tuple[str, dict[str, Any]]]


@dataclass(frozen=True)
class OwnerEvent:
    """An entry of the stream as messages to the owner of its job. `offset`: its id.

    `make` makes the messages: most events are of owners that no page waits for. `created_job`: the id of the job, if
    the entry is its creation.
    """

    offset: str
    owner: str
    make: Callable[[], Messages]
    created_job: str = ""

    @cached_property
    def messages(self) -> Messages:
        """Names and payloads."""
        return self.make()

    def messages_after(self, received: int = 0) -> Iterator[tuple[str, dict[str, Any], str]]:
        """Name, payload and offset of each message but the first `received`: a client may lose its connection between
        two messages of one entry."""
        for count, (name, document) in enumerate(self.messages[received:], received + 1):
            yield name, document, self.offset if count == len(self.messages) else f"{self.offset}-{count}"


def parse_offset(offset: str) -> tuple[int, int, int]:
    """Parse an offset to what compares in stream order: both numbers of the entry's id, and its messages received."""
    ms, sequence, *received = offset.split("-")
    return int(ms), int(sequence), int(received[0]) if received else ALL_MESSAGES


class OwnerEventFollower:
    """Follows the event stream; `run` blocks a thread."""

    def __init__(self, ops: Ops, service: QueueService, shapes: Shapes) -> None:
        self._ops = ops
        self._shapes = shapes
        self._service = service
        self._stop = threading.Event()
        self._watched = threading.Event()
        self._outage = Outage(log, "live events are interrupted")
        self._owned: OrderedDict[str, OwnedJob | None] = OrderedDict()

    def stop(self) -> None:
        """Make `run` return within about a second."""
        self._stop.set()
        self._watched.set()

    def watch(self, watched: bool) -> None:
        """Note whether clients are connected, who wait for each event."""
        if watched:
            self._watched.set()
        elif not self._stop.is_set():
            self._watched.clear()

    def run(self, on_start: Callable[[str], None], publish: Callable[[list[OwnerEvent]], None]) -> None:
        """Follow until stopped. `on_start` gets the offset from which events are complete, `publish` the events."""
        after = self._start_offset()
        if after is None:
            return
        on_start(after)
        backoff = Backoff()
        while not self._stop.is_set():
            try:
                for batch in self._ops.events.follow(EVENT_FILTER, after=after, on_disconnect=self._log_and_wait):
                    if self._stop.is_set():
                        return
                    read_at = time.monotonic()
                    backoff.reset()
                    self._outage.end()
                    if owner_events := list(self._owner_events(batch)):
                        publish(owner_events)
                    after = batch[-1].id if batch else after
                    self._let_gather(read_at)
            except QctlError as error:  # such as a key of another type: the gateway keeps serving requests
                self._log_and_wait(error, backoff.next_delay())

    def _let_gather(self, read_at: float) -> None:
        """Wait before the next read, so that it returns many events: a read costs more than an event."""
        if not self._watched.wait(max(0.0, read_at + UNWATCHED_READ_SECONDS - time.monotonic())):
            return
        time.sleep(max(0.0, read_at + READ_SECONDS - time.monotonic()))

    def _start_offset(self) -> str | None:
        backoff = Backoff()
        while not self._stop.is_set():
            try:
                newest, *_ = parse_offset(self._ops.events.last_id())
                return f"{max(0, newest - round(REPLAY_SECONDS * 1000))}-0"
            except QctlError as error:
                self._log_and_wait(error, backoff.next_delay())
        return None

    def _log_and_wait(self, error: QctlError, seconds: float) -> None:
        self._outage.add(error.message)
        self._stop.wait(seconds)

    def _owner_events(self, batch: Sequence[Event]) -> Iterator[OwnerEvent]:
        changes = [event for event in batch if event.event != DELIVERED]
        ids = {event.fields["job"] for event in changes if "job" in event.fields and not self._has_no_owner(event)}
        jobs = self._read(list(ids)) if ids else {}
        for event in batch:
            if event.event == DELIVERED:
                yield from self._message_events(event)
                continue
            job_id = event.fields.get("job", "")
            job = jobs.get(job_id) or self._owned.get(job_id)
            if job_id in ids:
                self._cache(job_id, job)
            if job is not None:
                created_job = job_id if event.event == "created" else ""
                yield OwnerEvent(event.id, job.owner, partial(_messages, event, job, self._shapes), created_job)

    def _message_events(self, event: Event) -> Iterator[OwnerEvent]:
        """The message of a delivery, for its receiver with a notification, and for the sender's other pages."""
        message = self._read_message(event.fields.get("receiver", ""), event.fields.get("position", ""))
        if message is None:
            return
        try:
            document = ChatMessage.of(message).model_dump(mode="json", by_alias=True)
        except ValidationError:  # another program wrote into the inbox
            log.warning("no live event for an entry of an inbox that is no chat message")
            return
        notice = {"kind": "message", "messageId": document["_id"], "senderId": document["senderId"]}
        receiver, sender = document["receiverId"], document["senderId"]
        if receiver != sender:
            yield OwnerEvent(event.id, receiver, lambda: [("newMessage", document), ("notification", notice)])
        yield OwnerEvent(event.id, sender, lambda: [("newMessage", document)])

    def _read_message(self, receiver: str, position: str) -> dict[str, Any] | None:
        backoff = Backoff()
        while ENTRY_ID.fullmatch(position) and not self._stop.is_set():
            try:
                return self._service.delivered_message(receiver, position)
            except UnreachableError as error:
                self._log_and_wait(error, backoff.next_delay())
            except QctlError as error:
                log.warning("no live event for a message: %s", error.message)
                return None
        return None

    def _read(self, ids: Sequence[str]) -> dict[str, OwnedJob]:
        backoff = Backoff()
        while not self._stop.is_set():
            try:
                return {job.id: job for job in self._service.owned_jobs(ids)}
            except UnreachableError as error:
                self._log_and_wait(error, backoff.next_delay())
            except QctlError as error:  # one unreadable job must not hide events of the others
                if len(ids) == 1:
                    log.warning("no live events for job %s: %s", ids[0], error.message)
                    return {}
                return {job_id: job for one_id in ids for job_id, job in self._read([one_id]).items()}
        return {}

    def _has_no_owner(self, event: Event) -> bool:
        """Check the cache for a job without an owner. Most jobs have none and are not read for each event."""
        job_id = event.fields["job"]
        if event.event == "created" and "owner" not in event.fields:
            self._cache(job_id, None)
        return job_id in self._owned and self._owned[job_id] is None

    def _cache(self, job_id: str, job: OwnedJob | None) -> None:
        self._owned[job_id] = job
        self._owned.move_to_end(job_id)
        if len(self._owned) > MAX_CACHED_OWNERS:
            self._owned.popitem(last=False)


def _messages(event: Event, job: OwnedJob, shapes: Shapes) -> Messages:
    """The messages for an event. They describe the job at the time of the event, which may be outdated by now."""
    if event.event == "created":
        return [("job:created", _document(job, "pending", shapes))]
    before, now = CHANGES[event.event]
    job = replace(job, modified=max(job.modified or event.at, event.at))
    document = _document(job, now, shapes)
    changed = {
        **document,
        "jobId": job.id,
        "oldStatus": shapes.job_status(before),
        "newStatus": document["status"],
        "job": document,
    }
    messages = [("job:status:updated", changed)]
    if now == "completed":
        messages.append(("job:completed", document))
    elif now == "dlq":
        messages += [("job:movedToDLQ", document), ("job:dlq", document)]
    return messages


def _document(job: OwnedJob, status: OwnedStatus, shapes: Shapes) -> dict[str, Any]:
    return Job.of(replace(job, status=status), shapes).model_dump(mode="json", by_alias=True)
