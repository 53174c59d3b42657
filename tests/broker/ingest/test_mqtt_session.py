"""State of an MQTT session when a process dies between CONNECT and its reply."""

from __future__ import annotations

from redis import Redis

from qctl.broker.ingest.buffer import Buffer, Commit
from qctl.broker.ingest.mqtt_session import MqttSession
from qctl.catalog import PIPELINES
from qctl.settings import Settings


def commit(connection: Redis, settings: Settings, *notes: str) -> None:
    """Commit messages with these notes, with a window of three."""
    Buffer(connection, PIPELINES["readings"], settings).append(Commit([b"{}"], (), "bridge", notes, 3))


def test_newest_notes_are_kept_in_order(connection: Redis, settings: Settings) -> None:
    session = MqttSession(connection, "bridge", "readings")
    assert session.begin_connect().notes == []
    commit(connection, settings, "1", "2")
    commit(connection, settings, "3", "4")
    assert session.begin_connect().notes == ["2", "3", "4"]
    assert MqttSession(connection, "another", "readings").begin_connect().notes == []


def test_connect_is_settled_by_its_reply(connection: Redis, settings: Settings) -> None:
    session = MqttSession(connection, "bridge", "readings")
    assert session.begin_connect().settled
    assert not session.begin_connect().settled, "the last process died before the reply"
    session.record_resumed(discard_notes=False)
    assert session.begin_connect().settled
    assert session.record_new_session() == 1
    assert session.begin_connect().settled


def test_notes_are_valid_for_one_session(connection: Redis, settings: Settings) -> None:
    session = MqttSession(connection, "bridge", "readings")
    commit(connection, settings, "1")
    session.record_resumed(discard_notes=False)
    assert session.begin_connect().notes == ["1"]
    session.record_resumed(discard_notes=True)
    assert session.begin_connect().notes == []
    commit(connection, settings, "2")
    assert [session.record_new_session(), session.record_new_session()] == [1, 2]
    assert session.begin_connect().notes == []
