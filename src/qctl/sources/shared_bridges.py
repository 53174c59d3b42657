"""Several bridges of one host: the broker gives each message to one of them (a shared subscription).

Each has a client id, so a session, of its own: MQTT_CLIENT_ID for the first, then MQTT_CLIENT_ID-2 and so on. When
there are fewer than before, the messages that the broker keeps in the others' sessions are taken, and these are ended.
"""

from __future__ import annotations

import logging
import threading
import time

from qctl.broker.ingest.mqtt_session import MqttSession, known_sessions
from qctl.broker.redis.connection import Backoff, connect, translate_errors
from qctl.catalog import PIPELINES
from qctl.errors import QctlError, UnreachableError
from qctl.models.pools import MAX_PROCESSES, Place
from qctl.settings import Settings
from qctl.sources.mqtt_bridge import GROUP_MESSAGES, IDLE_SECONDS, LINGER_SECONDS, MqttBridge
from qctl.sources.mqtt_connection import SHARED_PREFIX, MqttConnection

log = logging.getLogger(__name__)

QUIET_SECONDS = 2.0
"""Time without a message after which a session without subscriptions is empty."""


def settings_of(settings: Settings, place: Place) -> Settings:
    """The settings of one of several bridges: a client id of its own, and a topic that they share."""
    if place.count == 1:
        return settings
    topic = settings.mqtt_topic
    return settings.replace(
        mqtt_client_id=_client_id(settings, place.number),
        mqtt_topic=topic if topic.startswith("$share/") else SHARED_PREFIX + topic,
    )


def end_surplus_sessions(settings: Settings, place: Place, stop: threading.Event) -> threading.Thread:
    """Take what the broker keeps for bridges that no longer run and end their sessions, in a thread, until `stop`."""
    thread = threading.Thread(target=_end_surplus, args=(settings, place, stop), name="surplus sessions", daemon=True)
    thread.start()
    return thread


def _end_surplus(settings: Settings, place: Place, stop: threading.Event) -> None:
    names = [_client_id(settings, number) for number in range(place.count + 1, MAX_PROCESSES + 1)]
    backoff = Backoff()
    while not stop.is_set():
        try:
            with connect(settings, name="qctl-mqtt-bridge") as connection, translate_errors(settings):
                surplus = known_sessions(connection, names)
            break
        except QctlError:  # the bridge itself reports that Redis is away
            stop.wait(backoff.next_delay())
    else:
        return
    for client_id in surplus:
        SurplusBridge(settings.replace(mqtt_client_id=client_id), stop, _no_beat).end_session()


class SurplusBridge(MqttBridge):
    """Empties and ends the session of a bridge that no longer runs."""

    def end_session(self) -> None:
        """Do it, however long Redis or the broker is away, until stopped."""
        client_id = self._settings.mqtt_client_id
        log.info("session of a bridge that no longer runs: taking its messages: client_id=%s", client_id)
        try:
            self.run()
        except _SessionEndedError:
            self._heartbeats.beat("stopped")
            log.info("session ended: client_id=%s messages=%d", client_id, self._counts["received"])
        except QctlError as error:
            log.warning("session of client_id=%s not ended: %s", client_id, error.message)

    def _bridge(self, backoff: Backoff) -> None:  # noqa: ARG002 - the signature of the base class
        if self._pending:
            self._commit(self._pending)
        self._check_room()
        connection = self._connect()
        try:
            with translate_errors(self._settings):
                self._identify_session(connection)
            connection.unsubscribe()
            self._take_rest(connection)
            if self._stop.is_set():
                return
            connection.end_session()
        finally:
            connection.close()
        with translate_errors(self._settings):
            _delete_session(self._settings)
        raise _SessionEndedError

    def _take_rest(self, connection: MqttConnection) -> None:
        """Take messages until none has come for QUIET_SECONDS. Raises UnreachableError if the connection ends."""
        last = time.monotonic()
        while not self._stop.is_set() and time.monotonic() - last < QUIET_SECONDS:
            messages = connection.gather(GROUP_MESSAGES, IDLE_SECONDS, LINGER_SECONDS)
            if messages:
                self._store(connection, messages)
                last = time.monotonic()
            elif not connection.alive:
                raise UnreachableError(f"connection to {connection.broker}: {connection.end_reason}")


class _SessionEndedError(Exception):
    """The session is empty and ended."""


def _client_id(settings: Settings, number: int) -> str:
    return settings.mqtt_client_id if number == 1 else f"{settings.mqtt_client_id}-{number}"


def _delete_session(settings: Settings) -> None:
    """Delete what Redis knows of a session that has ended."""
    with connect(settings, name="qctl-mqtt-bridge") as connection:
        MqttSession(connection, settings.mqtt_client_id, PIPELINES["readings"].name).delete()


def _no_beat(status: str = "", *, ready: bool = True) -> None:
    """Report nothing: the bridge beside it does."""
