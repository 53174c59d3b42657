"""Test the jobs of `socket-data` as in a worker process: settings from the environment, real sinks, real Redis."""

from __future__ import annotations

import json
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest
from redis import Redis

from contract.messages import message, messages
from qctl.errors import RejectedError, SinkMisconfiguredError
from qctl.jobs import message_batches as jobs
from qctl.settings import Settings
from support.databases import MariaDb, MongoDb
from support.ingest import letters, reason

NewProcess = Callable[[], None]


def stored(settings: Settings) -> list[Any]:
    """The message ids in SQLite."""
    with closing(sqlite3.connect(settings.database)) as db:
        return [row[0] for row in db.execute("SELECT msg_id FROM messages ORDER BY rowid")]


def test_messages_go_to_sqlite_by_default(settings: Settings) -> None:
    assert jobs.write_messages(messages("a", 3)) == {"written": 3, "refused": 0}
    assert stored(settings) == ["a-0000", "a-0001", "a-0002"]


def test_messages_go_to_mysql_if_db_host_is_set(
    settings: Settings, mariadb: MariaDb, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in mariadb.environ.items():
        monkeypatch.setenv(name, value)
    assert jobs.write_messages(messages("a", 3)) == {"written": 3, "refused": 0}
    assert mariadb.run("SELECT COUNT(*) FROM messages") == [(3,)]
    assert not settings.database.exists()


def test_messages_go_to_mongodb_only_if_selected(
    settings: Settings, mongodb: MongoDb, monkeypatch: pytest.MonkeyPatch, new_process: NewProcess
) -> None:
    monkeypatch.setenv("MONGODB_URI", mongodb.url)
    jobs.write_messages([message("job", 0)])
    assert stored(settings) == ["job-0000"]
    monkeypatch.setenv("QCTL_MESSAGES_SINK", "mongodb")
    new_process()
    assert jobs.write_messages([message("job", 1)]) == {"written": 1, "refused": 0}
    with mongodb.connect() as client:
        assert [found["_id"] for found in client.data.messages.find({"_id": {"$regex": "^job"}})] == ["job-0001"]


def test_one_rejected_row_of_a_thousand_is_a_dead_letter_that_can_be_retried(
    mariadb: MariaDb, connection: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in mariadb.environ.items():
        monkeypatch.setenv(name, value)
    jobs.write_messages([message("first", 0)])
    mariadb.run("ALTER TABLE messages MODIFY message VARCHAR(20)")
    batch = messages("a", 1000)
    batch[321]["message"] = "x" * 21
    for _ in range(2):
        assert jobs.write_messages(batch) == {"written": 999, "refused": 1}
    (letter,) = letters(connection, "messages")
    assert "Data too long for column 'message'" in reason(letter)
    with pytest.raises(RejectedError, match="Data too long"):
        letter.perform()
    mariadb.run("ALTER TABLE messages MODIFY message TEXT")
    assert jobs.write_messages(*letter.args) == {"written": 1, "refused": 0}
    assert mariadb.run("SELECT COUNT(*) FROM messages") == [(1001,)]


def test_different_message_with_the_same_id_is_a_dead_letter(settings: Settings, connection: Redis) -> None:
    jobs.write_messages([message("a", 0)])
    other = {**message("a", 0), "user_id": "other"}
    assert jobs.write_messages([message("a", 1), other]) == {"written": 1, "refused": 1}
    (letter,) = letters(connection, "messages")
    assert letter.args == [[other]]
    assert reason(letter).endswith("another message is stored already: 'a-0000'")


def test_missing_driver_is_a_misconfigured_sink(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"DB_HOST": "127.0.0.1", "DB_USER": "u", "DB_NAME": "d"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setitem(sys.modules, "pymysql", None)
    with pytest.raises(SinkMisconfiguredError, match="not installed"):
        jobs.write_messages([message("a", 0)])


def event(**fields: str) -> str:
    return json.dumps(["data", {"msg_id": "m", "message": "x", "user_id": "u", **fields}])


def test_raw_event_is_parsed_and_written(settings: Settings) -> None:
    jobs.ingest_message(event(timestamp="2026-01-01T12:00:00Z"), None, 1)
    jobs.ingest_message(event(timestamp="2026-01-01T12:00:00Z", msg_id="n"), "u", 1)
    assert stored(settings) == ["m", "n"]


@pytest.mark.parametrize(
    ("text", "user"),
    [
        ("not JSON", None),
        ("[" * 100_000, None),
        ("null", None),
        (event(), None),
        (event(timestamp="2026-01-01T12:00:00Z"), "another user"),
    ],
    ids=range(5),
)
def test_unparsable_raw_event_is_rejected(settings: Settings, text: str, user: str | None) -> None:
    with pytest.raises(RejectedError):
        jobs.ingest_message(text, user, 1)
    assert not settings.database.exists()
