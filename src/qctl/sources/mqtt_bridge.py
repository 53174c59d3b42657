"""The MQTT bridge: takes messages from a broker into the buffer, and acknowledges them once they are stored.

One loop in one thread: gather messages (`mqtt_connection`), convert them to items or rejects (`message_groups`), commit
them in one transaction, acknowledge in the order they came. Batches are cut beside it (`batch_cutter`).

- A message is acknowledged only after its commit, and only on the connection it came on. The broker sends
  unacknowledged messages again with the next connection; those that were committed already are then recognised
  (`duplicate_filter`).
- A group whose commit failed may or may not be stored, so it is kept and committed again as it is. Its items are the
  same each time, their time of receipt too, so a sink stores them once. Meanwhile nothing is read. After STALL_SECONDS
  the connection is closed; it is opened again when the group has been committed.
- The bridge connects to the broker only while Redis answers and has room.
- Of several brokers, the nodes of a cluster, it stays with the one that answers, and tries the next when that is away.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter, deque
from urllib.parse import urlsplit

from qctl.broker.ingest.buffer import Commit
from qctl.broker.redis.connection import Backoff, translate_errors
from qctl.broker.redis.outage import Outage
from qctl.catalog import PIPELINES
from qctl.errors import BackpressureError, QctlError, SettingsError, UnreachableError
from qctl.quantities import clause
from qctl.safe import redact
from qctl.settings import Settings
from qctl.sources.destination import Destination
from qctl.sources.duplicate_filter import MAX_NOTES, WINDOW_MESSAGES, CommittedWindow
from qctl.sources.message_groups import Group, Grouper
from qctl.sources.mqtt_connection import BrokerAwayError, Message, MqttConnection, ReceiptClock
from qctl.supervisor import Heartbeat

log = logging.getLogger(__name__)

GROUP_MESSAGES = 500
"""Maximum messages of one commit."""

LINGER_SECONDS = 0.01
"""Time for which a group is collected."""

IDLE_SECONDS = 0.25
"""Time without a message after which the loop checks whether to stop."""

PROOF_SECONDS = 1.0
"""Time allowed for a session to prove, by repeated messages, that it is the known one, if a connect ended before that
was clear."""

STALL_SECONDS = 30.0
"""Time without a successful commit after which the connection is closed."""

LEVEL_CHECK_SECONDS = 1.0
"""Pause between two checks how full the buffer and Redis are."""

TOPICS_SECONDS = 1.0
"""Pause between two writes of the counts per topic."""

LOG_SECONDS = 60.0
"""Pause between two log lines of counts."""

COUNTED = ("received", "committed", "rejected", "duplicates", "ignored")

SUSPICIOUS_ENDS = 3
"""Connections in a row, each shorter than STEADY_SECONDS, that show that another client may use our client id."""

CONTESTED_SECONDS = 60.0
"""Time after the end of a session by another client for which the heartbeat says so."""

STEADY_SECONDS = 10.0
"""Age from which on a connection's end counts as a first failure. Two bridges with one client id end each other's
connections, and must not do so all day at full speed."""


class MqttBridge:
    """Moves readings from the MQTT broker to `destination`, by default the buffer `readings`, until `stop` is set."""

    def __init__(
        self, settings: Settings, stop: threading.Event, beat: Heartbeat, destination: Destination | None = None
    ) -> None:
        destination = destination or Destination.buffered(
            settings, PIPELINES["readings"], "qctl-mqtt-bridge", settings.mqtt_client_id
        )
        self._settings = settings
        self._stop = stop
        self._beat = beat
        self._redis = destination.connection
        self._buffer = destination.buffer
        self._session = destination.session
        self._topics = destination.topics
        self._cutter = destination.cutter
        self._heartbeats = destination.heartbeats
        self._max_unacknowledged = min(settings.mqtt_receive_maximum, WINDOW_MESSAGES)
        self._brokers = deque(settings.mqtt_targets)
        """The brokers, the one to try next first."""
        self._window = CommittedWindow(WINDOW_MESSAGES)
        self._grouper = Grouper(settings)
        self._clock = ReceiptClock()
        self._outage = Outage(log, "no messages are taken")
        self._pending: Group | None = None
        """The group whose commit is not confirmed."""
        self._next_level_check = 0.0
        self._next_topics = 0.0
        self._next_log = time.monotonic() + LOG_SECONDS
        self._full: str | None = None
        self._counts: Counter[str] = Counter()
        self._logged_counts = ""
        self._ready = False
        self._short_connections = 0
        self._contested_until = 0.0
        """Until when the heartbeat says that another client took over the session."""

    def run(self) -> None:
        """Bridge until stopped. It waits for Redis and the broker as long as they are away, at the start too."""
        backoff = Backoff()
        with self._cutter, self._redis:
            while not self._stop.is_set():
                try:
                    self._bridge(backoff)
                except SettingsError:
                    raise  # waiting does not help
                except QctlError as error:
                    if not self._stop.is_set():
                        self._wait(backoff.next_delay(), error.message)
            if self._pending:
                log.warning(
                    "messages not committed, the broker sends them again: count=%d", len(self._pending.messages)
                )
            self._write_topics()
            self._log_counts()
            self._heartbeats.beat("stopped")

    def _bridge(self, backoff: Backoff) -> None:
        """Bridge over one connection. Raises QctlError if it cannot be made, breaks, or has to be closed."""
        if self._pending:
            self._commit(self._pending)
        self._check_room()
        connection = self._connect()
        try:
            with translate_errors(self._settings):
                self._identify_session(connection)
            connection.subscribe()
            self._serve(connection, backoff)
        finally:
            connection.close()

    def _connect(self) -> MqttConnection:
        """Connect to the first broker that answers, beginning with the last that did. Raises the error of the last."""
        for left in reversed(range(len(self._brokers))):
            try:
                return MqttConnection.open(
                    *(self._settings, self._brokers[0], self._max_unacknowledged, self._clock), self._before_connect
                )
            except BrokerAwayError as error:
                self._brokers.rotate(-1)
                if not left or self._stop.is_set():
                    raise
                log.warning("trying the next broker: %s", error.message)
                self._beat("", ready=self._ready)
        raise AssertionError("unreachable")

    def _before_connect(self) -> None:
        with translate_errors(self._settings):
            remembered = self._session.begin_connect()
        self._window = CommittedWindow(WINDOW_MESSAGES, remembered.notes, inherited=not remembered.settled)
        self._grouper.retained.update(remembered.retained, remembered.notes)

    def _identify_session(self, connection: MqttConnection) -> None:
        """Check whether the notes were written in the session that the broker has, and discard them if not."""
        if connection.session_present:
            self._window.inherited = self._window.inherited and not connection.receives_unsubscribed(PROOF_SECONDS)
            self._session.record_resumed(discard_notes=self._window.inherited)
            return
        self._window = CommittedWindow(WINDOW_MESSAGES)
        if self._session.record_new_session() > 1:
            log.error("session lost by the broker: messages that came since then are lost")
            self._buffer.record_session_loss()

    def _serve(self, connection: MqttConnection, backoff: Backoff) -> None:
        """Take messages from a connection until it ends."""
        broker, limit = connection.broker, min(self._max_unacknowledged, GROUP_MESSAGES)
        began, subscribed = time.monotonic(), False
        while not self._stop.is_set():
            if not subscribed and connection.subscribed():
                subscribed = self._ready = True
                self._outage.end()
                log.info("connected to %s, subscribed to %s", broker, self._settings.mqtt_topic)
            self._beat(f"connected to {broker}" if subscribed else "", ready=self._ready)
            self._report("" if subscribed else f"waiting for the subscription at {broker}")
            messages = connection.gather(limit, IDLE_SECONDS, LINGER_SECONDS)
            if messages:
                self._store(connection, messages)
            elif not connection.alive:
                self._note_end(connection, time.monotonic() - began)
                raise UnreachableError(f"connection to {broker}: {connection.end_reason}")
            if time.monotonic() - began > STEADY_SECONDS:
                backoff.reset()
            if time.monotonic() > self._next_topics:
                self._write_topics()
                self._write_drops(connection)
            if time.monotonic() > self._next_log:
                self._log_counts()
            self._cutter.check()

    def _store(self, connection: MqttConnection, messages: list[Message]) -> None:
        """Commit messages, and acknowledge them."""
        self._counts["received"] += len(messages)
        self._pending = self._grouper.group(messages, self._window)
        self._commit(self._pending)
        connection.ack(messages)

    def _note_end(self, connection: MqttConnection, seconds: float) -> None:
        """Report that another client uses our client id, if the broker says so or ends connections again and again.

        MQTT 3.1.1 has no reason for the end of a connection, and not every broker of MQTT 5 sends it.
        """
        self._short_connections = self._short_connections + 1 if seconds < STEADY_SECONDS else 0
        if not connection.taken_over and self._short_connections < SUSPICIOUS_ENDS:
            return
        self._contested_until = time.monotonic() + CONTESTED_SECONDS
        said = "" if connection.taken_over else f" probably: the last {self._short_connections} connections were short,"
        log.error(
            "session taken over:%s another client connects to %s with client id %s and may get readings instead of "
            "this bridge. Give each bridge its own MQTT_CLIENT_ID, and let the broker ask for a password",
            *(said, connection.broker, self._settings.mqtt_client_id),
        )

    def _commit(self, group: Group) -> None:
        """Commit a group, retrying for STALL_SECONDS. Raises QctlError after that, with the group still pending."""
        session = self._settings.mqtt_client_id
        commit = group.commit or Commit(
            group.items, group.rejects, session, group.notes, MAX_NOTES, retained=group.retained
        )
        group.commit = commit
        began, backoff = time.monotonic(), Backoff()
        while True:
            try:
                self._check_room()
                with translate_errors(self._settings):
                    depth = self._buffer.append(commit)
                break
            except QctlError as error:
                if self._stop.is_set() or time.monotonic() - began > STALL_SECONDS:
                    raise
                self._wait(
                    backoff.next_delay(), f"{clause(len(group.messages), 'message', 'waits', 'wait')}: {error.message}"
                )
        self._pending = None
        self._outage.end()
        log.debug(
            "group committed: readings=%d rejects=%d ms=%.1f duplicates=%d buffer_depth=%d",
            *(len(group.items), len(group.rejects), (time.monotonic() - began) * 1000, group.duplicates, depth),
        )
        for mid, content in group.committed:
            self._window.add(mid, content)
        self._count(group)
        if depth >= self._settings.batch_size:
            self._cutter.wake()

    def _count(self, group: Group) -> None:
        """Count a committed group, in total and by topic."""
        for topic, lag_ns in group.topics:
            self._topics.add(topic, lag_ns)
        for topic, parsed in group.unstored:
            if parsed.ignored:
                self._topics.add_ignored(topic, parsed.ignored)
            self._topics.add_left_out(topic, parsed.left_out, parsed.clocks)
        self._counts.update(
            committed=len(group.items),
            rejected=len(group.rejects),
            duplicates=group.duplicates,
            ignored=group.ignored,
        )

    def _check_room(self) -> None:
        """Raise BackpressureError while the buffer or Redis is full, RedisUnreachableError if that is unknown."""
        if time.monotonic() >= self._next_level_check:
            with translate_errors(self._settings):
                self._full = self._buffer.backpressure_reason(self._buffer.level())
            self._next_level_check = time.monotonic() + LEVEL_CHECK_SECONDS
        if self._full:
            raise BackpressureError(self._full)

    def _wait(self, seconds: float, reason: str) -> None:
        """Log the reason, and wait, or return early if the bridge must stop."""
        self._outage.add(reason)
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0 and not self._stop.wait(min(left, 1.0)):
            self._beat(reason, ready=self._ready)
            self._report(reason)

    def _report(self, reason: str) -> None:
        """Write the heartbeat: the bridge takes messages if there is no reason why not."""
        if time.monotonic() < self._contested_until:
            client = self._settings.mqtt_client_id
            self._heartbeats.beat("contested", f"another client takes over the session of client id {client}")
        else:
            self._heartbeats.beat("waiting" if reason else "serving", redact(reason))

    def _write_topics(self) -> None:
        """Write the counts per topic to Redis. An error delays nothing: they are written later."""
        self._next_topics = time.monotonic() + TOPICS_SECONDS
        try:
            with translate_errors(self._settings):
                self._topics.flush()
        except QctlError as error:
            log.info("counts per topic not written, trying again later: %s", error.message)

    def _write_drops(self, connection: MqttConnection) -> None:
        """Write how many messages the broker says it dropped. A count that is not written comes again."""
        for topic, value in connection.counts.pop().items():
            try:
                with translate_errors(self._settings):
                    grown = self._buffer.record_broker_drops(f"{urlsplit(connection.broker).netloc} {topic}", value)
            except QctlError as error:
                log.info("drops of the broker not written: %s", error.message)
                continue
            if grown:
                log.warning("the broker dropped messages: broker=%s count=%d", connection.broker, grown)

    def _log_counts(self) -> None:
        """Log the counts since the start if they have changed."""
        self._next_log = time.monotonic() + LOG_SECONDS
        counts = " ".join(f"{name}={self._counts[name]}" for name in COUNTED)
        if counts != self._logged_counts:
            log.info("since the start: %s", counts)
        self._logged_counts = counts
