"""The SQLite sink: its contracts, and errors of files."""

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
from qctl.sinks import readings_table
from qctl.sinks.base import ReopeningSink, Sink
from qctl.sinks.sqlite import MESSAGES, READINGS, SqliteSink
from support.waiting import PATIENCE_SECONDS

POISON = """
CREATE TRIGGER poison BEFORE INSERT ON readings WHEN NEW.fields LIKE '%poison%'
BEGIN SELECT RAISE(ABORT, 'poison'); END
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Path of the sink's file, in a folder that does not exist."""
    return tmp_path / "state" / "qctl.db"


@pytest.fixture
def sink(path: Path) -> Iterator[SqliteSink]:
    """An open sink."""
    sink = SqliteSink(path, READINGS, busy_timeout=0.1)
    sink.open()
    yield sink
    sink.close()


def rows(path: Path) -> list[tuple[object, ...]]:
    """Rows of the table in the order of writing."""
    with closing(sqlite3.connect(path)) as db:
        return db.execute("SELECT topic, device, ts_ns, fields, received_ns FROM readings ORDER BY rowid").fetchall()


class TestSqliteSink(ReadingsContract):
    """The contract for readings."""

    @pytest.fixture(autouse=True)
    def _prepare(self, path: Path, sink: Sink) -> None:
        self.path = path
        with closing(sqlite3.connect(path)) as db:
            db.execute(POISON)

    @pytest.fixture
    def absent_sink(self, path: Path, sink: Sink) -> Iterator[Sink]:
        """A sink whose file is locked by another writer."""
        with closing(sqlite3.connect(path, isolation_level=None)) as db:
            db.execute("BEGIN IMMEDIATE")
            yield sink

    def stored(self, scope: str) -> list[Any]:
        matching = [row for row in rows(self.path) if str(row[1]).startswith(scope)]
        return sorted(((str(t), int(str(ts)), json.loads(str(f))) for t, _, ts, f, _ in matching), key=lambda r: r[1])

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
        """A sink whose file is locked by another writer."""
        with closing(sqlite3.connect(path, isolation_level=None)) as db:
            db.execute("BEGIN IMMEDIATE")
            yield sink

    def stored(self, scope: str) -> list[Any]:
        with closing(sqlite3.connect(self.path)) as db:
            messages = db.execute(
                "SELECT msg_id, message, user_id, timestamp FROM messages ORDER BY timestamp"
            ).fetchall()
        return [(*row[:3], datetime.fromisoformat(row[3])) for row in messages]

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


def test_tags_are_part_of_the_key(sink: Sink, path: Path) -> None:
    items = [{**reading("a", 0), "tags": {"cpu": cpu}} for cpu in ("cpu0", "cpu1")]
    assert sink.write(items) == sink.write(items) == []
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT tags FROM readings").fetchall() == [('{"cpu":"cpu0"}',), ('{"cpu":"cpu1"}',)]


def test_fields_of_one_measurement_in_several_items_are_one_row(sink: Sink, path: Path) -> None:
    first, second = reading("a", 0, load1=0.5), reading("a", 0, uptime=7)
    second["fields"]["format"] = "1 day"
    assert sink.write([first, second]) == sink.write([second]) == []
    (rejected,) = sink.write([reading("a", 0, uptime=8, other=1)])
    assert "another reading is stored already" in rejected.reason
    ((_, _, _, fields, _),) = rows(path)
    assert json.loads(str(fields)) == {"load1": 0.5, "uptime": 7, "format": "1 day"}


FORMER_TABLE = """
CREATE TABLE readings (topic TEXT NOT NULL, device TEXT NOT NULL, ts_ns INTEGER NOT NULL, fields TEXT NOT NULL,
received_ns INTEGER NOT NULL, PRIMARY KEY (topic, ts_ns))
"""


@pytest.fixture
def former(path: Path) -> Path:
    """A file of an earlier version: 50 readings, an index and a view."""
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(FORMER_TABLE)
        db.executemany("INSERT INTO readings VALUES ('t', 'd', ?, '{\"x\":1}', 7)", [(n,) for n in range(50)])
        db.execute("CREATE INDEX by_device ON readings (device)")
        db.execute("CREATE VIEW newest AS SELECT max(ts_ns) AS ts_ns FROM readings")
    return path


def test_table_of_an_earlier_version_is_upgraded(former: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readings_table, "ROWS_PER_STEP", 20)
    sink = SqliteSink(former, READINGS)
    for _ in range(2):
        sink.open()
        assert sink.write([{**reading("a", 0), "tags": {"cpu": "0"}}]) == []
        sink.close()
    with closing(sqlite3.connect(former)) as db:
        assert db.execute("SELECT count(*), count(DISTINCT rowid) FROM readings WHERE tags = '{}'").fetchone() == (
            50,
            50,
        )
        assert db.execute("SELECT ts_ns FROM newest").fetchone() == (reading("a", 0)["ts_ns"],)
        names = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE name NOT LIKE 'sqlite%'")}
    assert names == {"readings", "by_device", "newest"}


def test_an_upgrade_that_was_interrupted_continues(former: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readings_table, "ROWS_PER_STEP", 20)
    monkeypatch.setattr(readings_table, "_replace", lambda _db: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        SqliteSink(former, READINGS).open()
    monkeypatch.undo()
    with closing(sqlite3.connect(former)) as db, db:  # an older process goes on, and somebody deletes
        db.execute("INSERT INTO readings VALUES ('t', 'd', 99, '{}', 7)")
        db.execute("DELETE FROM readings WHERE ts_ns < 10")
    sink = SqliteSink(former, READINGS)
    sink.open()
    sink.close()
    assert [row[2] for row in rows(former)] == [*range(10, 50), 99]


def test_row_has_the_whole_reading(sink: Sink, path: Path) -> None:
    item = {"topic": "sensors/a/b", "device": "a", "ts_ns": 5, "fields": {"z": True, "ä": 1.5}, "received_ns": 7}
    sink.write([item])
    assert rows(path) == [("sensors/a/b", "a", 5, '{"z":true,"\\u00e4":1.5}', 7)]


def test_rows_keep_the_order_of_the_batch(sink: Sink, path: Path) -> None:
    batch = readings("a", 10)[::-1]
    sink.write(batch)
    assert [row[2] for row in rows(path)] == [item["ts_ns"] for item in batch]


def test_another_reading_with_the_same_key_is_rejected(sink: Sink, path: Path) -> None:
    first = reading("a", 0, value=1)
    sink.write([first])
    (rejected,) = sink.write([reading("a", 1), reading("a", 0, value=2), reading("a", 2)])
    assert rejected.index == 1
    assert rejected.reason == f"another reading is stored already: 'sensors/a' at {first['ts_ns']} ns"
    assert rows(path)[0][3] == '{"value":1}'
    assert len(rows(path)) == 3


def test_second_reading_with_the_same_key_in_a_batch_is_rejected(sink: Sink, path: Path) -> None:
    batch = [reading("a", 0, value=1), reading("a", 0, value=1), reading("a", 0, value=2)]
    assert [row.index for row in sink.write(batch)] == [2]
    assert len(rows(path)) == 1


def test_created_folder_is_private(sink: Sink, path: Path) -> None:
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_several_processes_create_and_write_one_file(path: Path) -> None:
    start = multiprocessing.get_context("fork")
    writers = [start.Process(target=_write_shared, args=(path, n)) for n in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(PATIENCE_SECONDS)
    assert [writer.exitcode for writer in writers] == [0] * 4
    assert len(rows(path)) == 200 + 4 * 100


def _write_shared(path: Path, n: int) -> None:
    sink = SqliteSink(path, READINGS, busy_timeout=30)
    sink.open()
    for start in range(0, 200, 50):
        assert sink.write(readings("shared", 200)[start : start + 50]) == []
        assert sink.write(readings(f"own-{n}", 100)[start // 2 : start // 2 + 25]) == []
    sink.close()


def test_sink_survives_a_killed_writer(sink: Sink, path: Path) -> None:
    start = multiprocessing.get_context("fork")
    in_the_middle = start.Event()
    writer = start.Process(target=_begin_and_wait, args=(path, in_the_middle))
    writer.start()
    assert in_the_middle.wait(PATIENCE_SECONDS)
    with pytest.raises(SinkUnavailableError):
        sink.write(readings("a", 3))
    writer.kill()
    writer.join()
    assert sink.write(readings("a", 3)) == []
    assert [row[1] for row in rows(path)] == ["a"] * 3


def _begin_and_wait(path: Path, in_the_middle: Event) -> None:
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("BEGIN IMMEDIATE")
    db.execute("INSERT INTO readings VALUES ('half', 'half', 1, '{}', 1, '{}')")
    in_the_middle.set()
    signal.pause()


def test_deleted_file_is_detected_and_created_again(sink: Sink, path: Path) -> None:
    reopening = ReopeningSink(sink)
    reopening.write([reading("a", 0)])
    path.unlink()
    with pytest.raises(SinkUnavailableError, match="moved or deleted"):
        reopening.write([reading("a", 1)])
    reopening.write([reading("a", 1)])
    assert len(rows(path)) == 1


def test_full_disk_is_unavailable(sink: Sink, path: Path) -> None:
    reopening = ReopeningSink(sink)
    reopening.write([reading("a", 0)])
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.with_name("qctl.db-wal").stat().st_size, hard))
    try:
        with pytest.raises(SinkUnavailableError, match="cannot write"):
            reopening.write(readings("b", 1000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    reopening.write(readings("b", 1000))
    assert len(rows(path)) == 1001


def test_full_database_is_unavailable(path: Path) -> None:
    class Full(SqliteSink):
        """A sink whose database cannot grow."""

        def open(self) -> None:
            super().open()
            assert self._opened is not None
            self._opened.execute("PRAGMA max_page_count = 1")

    sink = Full(path, READINGS)
    with pytest.raises(SinkUnavailableError, match="disk is full"):
        ReopeningSink(sink).write(readings("a", 1000))


@pytest.mark.parametrize(("content", "reason"), [(b"no database" * 100, "not a database"), (None, "unable to open")])
def test_file_of_another_format_is_misconfigured(path: Path, content: bytes | None, reason: str) -> None:
    path.parent.mkdir()
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)
    with pytest.raises(SinkMisconfiguredError, match=reason):
        SqliteSink(path, READINGS).open()


def test_read_only_file_is_misconfigured(sink: Sink, path: Path) -> None:
    sink.write(readings("a", 3))
    sink.close()
    content = bytearray(path.read_bytes())
    content[18] = 9  # an unknown write version: SQLite opens the file read-only
    path.write_bytes(content)
    with pytest.raises(SinkMisconfiguredError, match="readonly"):
        ReopeningSink(sink).write(readings("a", 3))


def test_table_with_other_columns_is_misconfigured(path: Path) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE readings (topic, ts_ns)")
    sink = SqliteSink(path, READINGS)
    with pytest.raises(SinkMisconfiguredError, match="readings"):
        ReopeningSink(sink).write(readings("a", 1))


def test_folder_that_cannot_be_created_is_misconfigured(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SinkMisconfiguredError, match="cannot create the folder"):
        SqliteSink(tmp_path / "file" / "home" / "qctl.db", READINGS).open()


def test_write_to_a_closed_sink_raises(path: Path) -> None:
    with pytest.raises(RuntimeError):
        SqliteSink(path, READINGS).write(readings("a", 1))


def test_error_stores_nothing_of_the_batch(sink: Sink, path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TRIGGER broken BEFORE INSERT ON readings WHEN NEW.device = 'b' BEGIN DELETE FROM gone; END")
    with pytest.raises(SinkError, match="gone"):
        sink.write([reading("a", 0), reading("b", 0)])
    assert rows(path) == []
