"""What is remembered of an MQTT session when a process dies between asking for it and hearing of it."""

from __future__ import annotations

from redis import Redis

from qctl.broker.ingest.buffer import Buffer, Commit
from qctl.broker.ingest.mqtt_session import MqttSession
from qctl.catalog import PIPELINES
from qctl.settings import Settings


def commit(connection: Redis, settings: Settings, *notes: str) -> None:
    """Commit messages with these notes, of which three are kept."""
    Buffer(connection, PIPELINES["readings"], settings).append(Commit([b"{}"], (), "bridge", notes, 3))


def test_notes_come_back_oldest_first_and_the_oldest_are_dropped(connection: Redis, settings: Settings) -> None:
    session = MqttSession(connection, "bridge")
    assert session.connecting().notes == []
    commit(connection, settings, "1", "2")
    commit(connection, settings, "3", "4")
    assert session.connecting().notes == ["2", "3", "4"]
    assert MqttSession(connection, "another").connecting().notes == []


def test_a_connect_is_settled_by_the_answer(connection: Redis, settings: Settings) -> None:
    session = MqttSession(connection, "bridge")
    assert session.connecting().settled
    assert not session.connecting().settled, "the process before died without an answer"
    session.resumed(forget=False)
    assert session.connecting().settled
    assert session.begun() == 1
    assert session.connecting().settled


def test_notes_are_kept_while_the_session_goes_on_and_void_in_the_next(connection: Redis, settings: Settings) -> None:
    session = MqttSession(connection, "bridge")
    commit(connection, settings, "1")
    session.resumed(forget=False)
    assert session.connecting().notes == ["1"]
    session.resumed(forget=True)
    assert session.connecting().notes == []
    commit(connection, settings, "2")
    assert [session.begun(), session.begun()] == [1, 2]
    assert session.connecting().notes == []
