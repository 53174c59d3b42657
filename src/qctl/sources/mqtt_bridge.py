"""The MQTT bridge: takes messages from a broker into the buffer, and acknowledges them when they are there.

One loop in one thread: gather what came (`link.py`), make items or rejects of it (`reading.py`), commit them in one
transaction, acknowledge in the order they came. Batches are cut beside it (`cutter.py`).

- A message is acknowledged only after its commit, and only on the connection it came on. What is not acknowledged the
  broker sends again with the next connection; what was committed already is known then (`redelivery.py`).
- A group whose commit failed stays in hand and is tried again as it is, since nobody knows whether it was done: its
  items are the same each time, the time of receipt in them too, so a sink shows them once. Meanwhile nothing is read.
  After STALL seconds the connection is closed, and opened when the group has been committed.
- Nothing is asked of the broker before Redis answers and has room.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Protocol

from qctl.broker.ingest.buffer import Commit, Reject
from qctl.broker.redis.connection import Backoff, translate_errors
from qctl.catalog import PIPELINES
from qctl.errors import BackpressureError, QctlError, RejectedError, SettingsError, UnreachableError
from qctl.settings import Settings
from qctl.sources import reading_parser
from qctl.sources.destination import Destination
from qctl.sources.duplicate_filter import KEPT, WINDOW, Window, digest, note
from qctl.sources.mqtt_connection import Clock, Link, Message

log = logging.getLogger(__name__)

GROUP = 500
"""Messages of one commit at most."""

LINGER = 0.01
"""Seconds that a group is gathered for."""

IDLE = 0.25
"""Seconds without a message after which the loop looks whether it is to stop."""

PROOF = 1.0
"""Seconds in which a session shows by what it sends again that it is the one known, where a connect went unheard."""

STALL = 30.0
"""Seconds without a successful commit after which the connection is closed."""

LOOK = 1.0
"""Seconds between two looks at how full things are."""

TELL_TOPICS = 1.0
"""Seconds between two tellings of what came by which topic."""

TELL = 60.0
"""Seconds between two lines of counts in the log."""

COUNTED = ("received", "committed", "rejected", "duplicates")

STEADY = 10.0
"""Seconds that a connection must have lasted for its end to be the first failure. Two bridges with one client id end
each other's connections, and must not do it all day at full speed."""


class Beat(Protocol):
    """Shows a supervisor that the work goes on (`daemon.Context.beat`)."""

    def __call__(self, status: str = "", *, ready: bool = True) -> None: ...


@dataclass
class Group:
    """Messages that came together, and what is committed of them."""

    messages: list[Message]
    items: list[bytes] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    seen: list[tuple[int, str]] = field(default_factory=list)
    """Packet id and digest of the messages that are items or rejects now."""
    topics: list[tuple[str, int | None]] = field(default_factory=list)
    """Topic and lag of each message that is an item or a reject now (`Topics.add`)."""
    duplicates: int = 0


class Bridge:
    """Moves readings from the MQTT broker to `destination`, by default the buffer `readings`, until `stop` is set."""

    def __init__(
        self, settings: Settings, stop: threading.Event, beat: Beat, destination: Destination | None = None
    ) -> None:
        destination = destination or Destination.buffered(settings, PIPELINES["readings"], "qctl-mqtt-bridge")
        self._settings = settings
        self._stop = stop
        self._beat = beat
        self._connection = destination.connection
        self._buffer = destination.buffer
        self._session = destination.session
        self._topics = destination.topics
        self._tell_topics_at = 0.0
        self._cutter = destination.cutter
        self._ahead = min(settings.mqtt_receive_maximum, WINDOW)
        self._window = Window(WINDOW)
        self._clock = Clock()
        self._in_hand: Group | None = None
        self._look_at = 0.0
        self._full: str | None = None
        self._counts: Counter[str] = Counter()
        self._tell_at = time.monotonic() + TELL
        self._told = ""
        self._ready = False

    def run(self) -> None:
        """Bridge until stopped. Redis and the broker may be away, at the start too: they are waited for."""
        backoff = Backoff()
        with self._cutter, self._connection:
            while not self._stop.is_set():
                try:
                    self._bridge(backoff)
                except SettingsError:
                    raise  # no waiting mends it
                except QctlError as error:
                    if not self._stop.is_set():
                        self._wait(backoff.next_delay(), error.message)
            if self._in_hand:
                log.warning("%d messages are not committed: the broker sends them again", len(self._in_hand.messages))
            self._tell_topics()
            self._tell()

    def _bridge(self, backoff: Backoff) -> None:
        """Bridge over one connection. Raises QctlError where it could not be made, broke, or had to be closed."""
        if self._in_hand:
            self._commit(self._in_hand)
        self._check_room()
        link = Link.open(self._settings, self._ahead, self._clock, self._before_connect)
        try:
            with translate_errors(self._settings):
                self._settle(link)
            link.subscribe()
            self._serve(link, backoff)
        finally:
            link.close()

    def _before_connect(self) -> None:
        with translate_errors(self._settings):
            remembered = self._session.begin_connect()
        self._window = Window(WINDOW, remembered.notes, inherited=not remembered.settled)

    def _settle(self, link: Link) -> None:
        """The broker has answered: now it is known whether the session is the one that the notes were written in."""
        if link.session_present:
            self._window.inherited = self._window.inherited and not link.hears_unasked(PROOF)
            self._session.record_resumed(discard_notes=self._window.inherited)
            return
        self._window = Window(WINDOW)
        if self._session.record_new_session() > 1:
            log.error("the broker has forgotten our session: what came since it did is lost")
            self._buffer.record_session_loss()

    def _serve(self, link: Link, backoff: Backoff) -> None:
        """Take messages from a link until it breaks."""
        where, limit = self._settings.mqtt_target, min(self._ahead, GROUP)
        began, subscribed = time.monotonic(), False
        while not self._stop.is_set():
            if not subscribed and link.subscribed():
                subscribed = self._ready = True
                log.info("connected to %s, subscribed to %s", where, self._settings.mqtt_topic)
            self._beat(f"connected to {where}" if subscribed else "", ready=self._ready)
            messages = link.gather(limit, IDLE, LINGER)
            if messages:
                self._counts["received"] += len(messages)
                self._in_hand = self._group(messages)
                self._commit(self._in_hand)
                link.ack(messages)
            elif not link.alive:
                raise UnreachableError(f"connection to {where}: {link.end}")
            if time.monotonic() - began > STEADY:
                backoff.reset()
            if time.monotonic() > self._tell_topics_at:
                self._tell_topics()
            if time.monotonic() > self._tell_at:
                self._tell()
            self._cutter.check()

    def _group(self, messages: list[Message]) -> Group:
        """Make items and rejects of messages, and notes of those that may be sent again."""
        group = Group(messages)
        session, limit = self._settings.mqtt_client_id, self._settings.max_payload
        pattern = self._settings.mqtt_topic_pattern
        for message in messages:
            mid, qos, dup, topic, payload, received_ns = message
            if qos:
                said = digest(topic, payload)
                if dup and self._window.has(mid, said):
                    group.duplicates += 1
                    if self._window.inherited:
                        group.notes.append(note(mid, said, received_ns))
                    continue
                group.seen.append((mid, said))
                group.notes.append(note(mid, said, received_ns))
            try:
                found = reading_parser.parse(topic, payload, received_ns, limit, pattern)
                group.items.append(reading_parser.encode(found))
                group.topics.append((topic, received_ns - found["ts_ns"]))
            except RejectedError as error:
                mark = f"{session}:{mid}" if qos else f"at:{received_ns}"
                group.rejects.append(reading_parser.reject(topic, payload, received_ns, error.message, mark=mark))
                group.topics.append((topic, None))
        return group

    def _commit(self, group: Group) -> None:
        """Commit a group, trying again for STALL seconds. Raises QctlError, the group still in hand, after that."""
        commit = Commit(group.items, group.rejects, self._settings.mqtt_client_id, group.notes, KEPT)
        began, backoff = time.monotonic(), Backoff()
        while True:
            try:
                self._check_room()
                with translate_errors(self._settings):
                    depth = self._buffer.append(commit)
                break
            except QctlError as error:
                if self._stop.is_set() or time.monotonic() - began > STALL:
                    raise
                self._wait(backoff.next_delay(), f"{len(group.messages)} messages wait: {error.message}")
        self._in_hand = None
        log.debug(
            "%d readings and %d rejects are committed in %.1f ms, %d had been before; the buffer holds %d",
            *(len(group.items), len(group.rejects), (time.monotonic() - began) * 1000, group.duplicates, depth),
        )
        for mid, said in group.seen:
            self._window.add(mid, said)
        for topic, lag_ns in group.topics:
            self._topics.add(topic, lag_ns)
        self._counts.update(committed=len(group.items), rejected=len(group.rejects), duplicates=group.duplicates)
        if depth >= self._settings.batch_size:
            self._cutter.wake()

    def _check_room(self) -> None:
        """Raise BackpressureError while the buffer or Redis is full, RedisUnreachableError where that is not known."""
        if time.monotonic() >= self._look_at:
            with translate_errors(self._settings):
                self._full = self._buffer.backpressure_reason(self._buffer.level())
            self._look_at = time.monotonic() + LOOK
        if self._full:
            raise BackpressureError(self._full)

    def _wait(self, seconds: float, why: str) -> None:
        """Say why, and wait, less where we are to stop."""
        log.warning("%s; trying again in %.0f s", why, seconds)
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0 and not self._stop.wait(min(left, 1.0)):
            self._beat(why, ready=self._ready)

    def _tell_topics(self) -> None:
        """Tell Redis what came by which topic. Where that fails nothing is held up: it is told later."""
        self._tell_topics_at = time.monotonic() + TELL_TOPICS
        try:
            with translate_errors(self._settings):
                self._topics.flush()
        except QctlError as error:
            log.info("counts of topics are told later: %s", error.message)

    def _tell(self) -> None:
        """Log what was done so far, where that is news."""
        self._tell_at = time.monotonic() + TELL
        told = ", ".join(f"{self._counts[what]} {what}" for what in COUNTED)
        if told != self._told:
            log.info("since the start: %s", told)
        self._told = told
