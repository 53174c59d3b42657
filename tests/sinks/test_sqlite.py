"""The SQLite sink: the contract, and what only a file can do."""

from __future__ import annotations

import json
import multiprocessing
import resource
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import pytest

from contract.messages import MessagesContract, message
from contract.readings import ReadingsContract, reading, readings
from contract.sink_contract import Item
from qctl.errors import SinkError, SinkMisconfiguredError, SinkUnavailableError
from qctl.sinks.base import ReopeningSink, Sink
from qctl.sinks.sqlite import MESSAGES, READINGS, SqliteSink

POISON = """
CREATE TRIGGER poison BEFORE INSERT ON readings WHEN NEW.fields LIKE '%poison%'
BEGIN SELECT RAISE(ABORT, 'poison'); END
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the sink's file is, in a folder that is not there yet."""
    return tmp_path / "state" / "qctl.db"


@pytest.fixture
def sink(path: Path) -> Iterator[SqliteSink]:
    """An open sink."""
    sink = SqliteSink(path, READINGS, busy_timeout=0.1)
    sink.open()
    yield sink
    sink.close()


def rows(path: Path) -> list[tuple[object, ...]]:
    """The table in the order it was written."""
    with closing(sqlite3.connect(path)) as db:
        return db.execute("SELECT topic, device, ts_ns, fields, received_ns FROM readings ORDER BY rowid").fetchall()


class TestSqliteSink(ReadingsContract):
    """The contract."""

    @pytest.fixture(autouse=True)
    def _look_into(self, path: Path, sink: Sink) -> None:
        self.path = path
        with closing(sqlite3.connect(path)) as db:
            db.execute(POISON)

    @pytest.fixture
    def absent_sink(self, path: Path, sink: Sink) -> Iterator[Sink]:
        """A sink whose file another process writes to for too long."""
        with closing(sqlite3.connect(path, isolation_level=None)) as db:
            db.execute("BEGIN IMMEDIATE")
            yield sink

    def stored(self, scope: str) -> list[Any]:
        found = [row for row in rows(self.path) if str(row[1]).startswith(scope)]
        return sorted(((str(t), int(str(ts)), json.loads(str(f))) for t, _, ts, f, _ in found), key=lambda r: r[1])

    def poison(self, item: Item) -> Item:
        return {**item, "fields": {"poison": 1}}


class TestSqliteMessages(MessagesContract):
    """The contract for messages."""

    @pytest.fixture
    def sink(self, path: Path) -> Iterator[Sink]:
        self.path = path
        sink = SqliteSink(path, MESSAGES, busy_timeout=0.1)
        sink.open()
        with closing(sqlite3.connect(path)) as db:
            db.execute(POISON.replace("readings", "messages").replace("fields", "message"))
        yield sink
        sink.close()

    @pytest.fixture
    def absent_sink(self, path: Path, sink: Sink) -> Iterator[Sink]:
        """A sink whose file another process writes to for too long."""
        with closing(sqlite3.connect(path, isolation_level=None)) as db:
            db.execute("BEGIN IMMEDIATE")
            yield sink

    def stored(self, scope: str) -> list[Any]:
        with closing(sqlite3.connect(self.path)) as db:
            found = db.execute("SELECT msg_id, message, user_id, timestamp FROM messages ORDER BY timestamp").fetchall()
        return [(*row[:3], datetime.fromisoformat(row[3])) for row in found]

    def poison(self, item: Item) -> Item:
        return {**item, "message": "poison"}


def test_readings_and_messages_share_a_file(sink: Sink, path: Path) -> None:
    messages = SqliteSink(path, MESSAGES)
    messages.open()
    assert messages.write([message("a", 1)]) == []
    assert sink.write([reading("a", 0)]) == []
    messages.close()
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT * FROM messages").fetchall() == [
            ("a-0001", "hello 1", "user-1", "2026-01-01 00:00:01.000001")
        ]


def test_a_row_holds_the_whole_reading(sink: Sink, path: Path) -> None:
    item = {"topic": "sensors/a/b", "device": "a", "ts_ns": 5, "fields": {"z": True, "ä": 1.5}, "received_ns": 7}
    sink.write([item])
    assert rows(path) == [("sensors/a/b", "a", 5, '{"z":true,"\\u00e4":1.5}', 7)]


def test_rows_stand_in_the_order_of_the_batch(sink: Sink, path: Path) -> None:
    batch = readings("a", 10)[::-1]
    sink.write(batch)
    assert [row[2] for row in rows(path)] == [item["ts_ns"] for item in batch]


def test_another_reading_in_the_same_place_is_refused(sink: Sink, path: Path) -> None:
    first = reading("a", 0, value=1)
    sink.write([first])
    (refused,) = sink.write([reading("a", 1), reading("a", 0, value=2), reading("a", 2)])
    assert refused.index == 1
    assert refused.reason == f"another reading is stored already: 'sensors/a' at {first['ts_ns']} ns"
    assert rows(path)[0][3] == '{"value":1}'
    assert len(rows(path)) == 3


def test_of_two_readings_in_the_same_place_of_one_batch_the_second_is_refused(sink: Sink, path: Path) -> None:
    batch = [reading("a", 0, value=1), reading("a", 0, value=1), reading("a", 0, value=2)]
    assert [row.index for row in sink.write(batch)] == [2]
    assert len(rows(path)) == 1


def test_the_folder_is_made_for_nobody_else(sink: Sink, path: Path) -> None:
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_several_processes_make_and_write_one_file(path: Path) -> None:
    start = multiprocessing.get_context("fork")
    writers = [start.Process(target=_write_shared, args=(path, n)) for n in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    assert [writer.exitcode for writer in writers] == [0] * 4
    assert len(rows(path)) == 200 + 4 * 100


def _write_shared(path: Path, n: int) -> None:
    sink = SqliteSink(path, READINGS, busy_timeout=30)
    sink.open()
    for start in range(0, 200, 50):
        assert sink.write(readings("shared", 200)[start : start + 50]) == []
        assert sink.write(readings(f"own-{n}", 100)[start // 2 : start // 2 + 25]) == []
    sink.close()


def test_a_sink_survives_a_writer_that_was_killed_in_the_middle(sink: Sink, path: Path) -> None:
    start = multiprocessing.get_context("fork")
    in_the_middle = start.Event()
    writer = start.Process(target=_begin_and_wait, args=(path, in_the_middle))
    writer.start()
    assert in_the_middle.wait(30)
    with pytest.raises(SinkUnavailableError):
        sink.write(readings("a", 3))
    writer.kill()
    writer.join()
    assert sink.write(readings("a", 3)) == []
    assert [row[1] for row in rows(path)] == ["a"] * 3


def _begin_and_wait(path: Path, in_the_middle: Event) -> None:
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("BEGIN IMMEDIATE")
    db.execute("INSERT INTO readings VALUES ('half', 'half', 1, '{}', 1)")
    in_the_middle.set()
    signal.pause()


def test_a_file_that_was_deleted_is_noticed_and_made_again(sink: Sink, path: Path) -> None:
    kept = ReopeningSink(sink)
    kept.write([reading("a", 0)])
    path.unlink()
    with pytest.raises(SinkUnavailableError, match="moved or deleted"):
        kept.write([reading("a", 1)])
    kept.write([reading("a", 1)])
    assert len(rows(path)) == 1


def test_no_room_on_the_disk_makes_the_batch_wait(sink: Sink, path: Path) -> None:
    kept = ReopeningSink(sink)
    kept.write([reading("a", 0)])
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.with_name("qctl.db-wal").stat().st_size, hard))
    try:
        with pytest.raises(SinkUnavailableError, match="cannot write"):
            kept.write(readings("b", 1000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    kept.write(readings("b", 1000))
    assert len(rows(path)) == 1001


def test_a_full_database_makes_the_batch_wait(path: Path) -> None:
    class Full(SqliteSink):
        """A sink whose SQLite may use no more pages than it has."""

        def open(self) -> None:
            super().open()
            assert self._opened is not None
            self._opened.execute("PRAGMA max_page_count = 1")

    sink = Full(path, READINGS)
    with pytest.raises(SinkUnavailableError, match="disk is full"):
        ReopeningSink(sink).write(readings("a", 1000))


@pytest.mark.parametrize(("content", "reason"), [(b"no database" * 100, "not a database"), (None, "unable to open")])
def test_a_file_that_is_no_database_needs_somebody(path: Path, content: bytes | None, reason: str) -> None:
    path.parent.mkdir()
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)
    with pytest.raises(SinkMisconfiguredError, match=reason):
        SqliteSink(path, READINGS).open()


def test_a_file_that_must_not_be_written_needs_somebody(sink: Sink, path: Path) -> None:
    sink.write(readings("a", 3))
    sink.close()
    content = bytearray(path.read_bytes())
    content[18] = 9  # the version that writers of the file must know: SQLite opens it for reading only
    path.write_bytes(content)
    with pytest.raises(SinkMisconfiguredError, match="readonly"):
        ReopeningSink(sink).write(readings("a", 3))


def test_a_table_of_another_shape_needs_somebody(path: Path) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE readings (topic, ts_ns)")
    sink = SqliteSink(path, READINGS)
    with pytest.raises(SinkMisconfiguredError, match="readings"):
        ReopeningSink(sink).write(readings("a", 1))


def test_a_folder_that_cannot_be_made_needs_somebody(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SinkMisconfiguredError, match="cannot create the folder"):
        SqliteSink(tmp_path / "file" / "home" / "qctl.db", READINGS).open()


def test_a_closed_sink_is_not_written_to(path: Path) -> None:
    with pytest.raises(RuntimeError):
        SqliteSink(path, READINGS).write(readings("a", 1))


def test_an_error_in_the_middle_stores_nothing_of_the_batch(sink: Sink, path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TRIGGER broken BEFORE INSERT ON readings WHEN NEW.device = 'b' BEGIN DELETE FROM gone; END")
    with pytest.raises(SinkError, match="gone"):
        sink.write([reading("a", 0), reading("b", 0)])
    assert rows(path) == []
