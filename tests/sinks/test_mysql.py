"""The MySQL sink against MariaDB: its contract, and server errors."""

from __future__ import annotations

import secrets
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

import pymysql
import pytest

from contract.messages import MessagesContract, message, messages
from contract.sink_contract import Item
from qctl.databases import mysql
from qctl.databases.mysql import MysqlServer
from qctl.errors import SinkMisconfiguredError, SinkUnavailableError
from qctl.sinks import mysql as mysql_sink
from qctl.sinks.base import ReopeningSink, Sink
from qctl.sinks.mysql import MysqlSink
from support.databases import MariaDb
from support.process import free_port
from support.waiting import PATIENCE_SECONDS, eventually, later

PUBLIC_COLUMNS = [
    ("msg_id", "varchar(50)", "NO", "PRI"),
    ("message", "text", "YES", ""),
    ("user_id", "varchar(50)", "YES", ""),
    ("timestamp", "datetime", "YES", ""),
]
"""The columns of the table `messages` (docs/compatibility.md)."""


def server_of(db: MariaDb) -> MysqlServer:
    return MysqlServer(("127.0.0.1",), db.port, db.user, db.password, db.database)


@pytest.fixture
def server(mariadb: MariaDb) -> MysqlServer:
    """The server of the test's database."""
    return server_of(mariadb)


@pytest.fixture
def sink(server: MysqlServer) -> Iterator[Sink]:
    """An open sink."""
    yield from opened(server)


def opened(server: MysqlServer) -> Iterator[Sink]:
    sink = MysqlSink(server)
    sink.open()
    yield sink
    sink.close()


def stored(db: MariaDb) -> list[Any]:
    """Rows of the table by time, in UTC."""
    return db.run(
        "SET time_zone = '+00:00'",
        "SELECT msg_id, message, user_id, timestamp FROM messages ORDER BY timestamp, msg_id",
    )


def other_client(db: MariaDb) -> Any:
    """Another client of the same database, without autocommit."""
    return pymysql.connect(unix_socket=str(db.socket), user="root", database=db.database, charset="utf8mb4")


class TestMysqlSink(MessagesContract):
    """The contract, with the table that the sink creates, which has no fractions of a second."""

    unit = 1_000_000

    @pytest.fixture
    def sink(self, mariadb: MariaDb, server: MysqlServer) -> Iterator[Sink]:
        self.db = mariadb
        for sink in opened(server):
            mariadb.run(
                "CREATE TRIGGER poison BEFORE INSERT ON messages FOR EACH ROW IF NEW.message = 'poison'"
                " THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'poison\n'; END IF"
            )
            yield sink

    @pytest.fixture
    def absent_sink(self, server: MysqlServer) -> Sink:
        """A sink for a port without a server."""
        return MysqlSink(replace(server, port=free_port()))

    def stored(self, scope: str) -> list[Any]:
        return stored(self.db)

    def poison(self, item: Item) -> Item:
        return {**item, "message": "poison"}


@pytest.mark.parametrize(
    ("column_type", "microseconds"), [("DATETIME(3)", 123_000), ("DATETIME(6)", 123_987), ("TIMESTAMP(1)", 100_000)]
)
def test_existing_table_is_used_unchanged(
    mariadb: MariaDb, server: MysqlServer, column_type: str, microseconds: int
) -> None:
    mariadb.run(
        "CREATE TABLE messages"
        f" (msg_id VARCHAR(255) PRIMARY KEY, message LONGTEXT, user_id TEXT, timestamp {column_type})"
        " CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci"
    )
    items = [{**message(id_, 0), "timestamp": "2026-06-01T12:00:00.123987+02:00"} for id_ in ("a", "A", "b")]
    for sink in opened(server):
        for _ in range(2):
            (rejected,) = sink.write(items)
            assert rejected.index == 1
            assert rejected.reason == "another row has the same unique key: 'A-0000'"
    assert {row[3] for row in stored(mariadb)} == {datetime(2026, 6, 1, 10, 0, 0, microseconds)}
    assert len(stored(mariadb)) == 2


def test_created_table_has_the_public_columns(sink: Sink, mariadb: MariaDb) -> None:
    assert [row[:4] for row in mariadb.run("DESCRIBE messages")] == PUBLIC_COLUMNS


def test_batch_is_one_statement_and_one_transaction(sink: Sink, mariadb: MariaDb) -> None:
    before = dict(mariadb.run("SHOW GLOBAL STATUS WHERE Variable_name IN ('Com_insert', 'Com_commit', 'Com_select')"))
    assert sink.write(messages("a", 1000)) == []
    after = dict(mariadb.run("SHOW GLOBAL STATUS WHERE Variable_name IN ('Com_insert', 'Com_commit', 'Com_select')"))
    assert {name: int(after[name]) - int(before[name]) for name in before} == {
        "Com_insert": 1,
        "Com_commit": 1,
        "Com_select": 0,
    }


def test_too_long_row_is_rejected_until_the_table_is_altered(sink: Sink, mariadb: MariaDb) -> None:
    mariadb.run("ALTER TABLE messages MODIFY message VARCHAR(20)")
    batch = messages("a", 1000)
    batch[500]["message"] = "x" * 21
    (rejected,) = sink.write(batch)
    assert rejected.index == 500
    assert rejected.reason == "MySQL rejects it: Data too long for column 'message' at row 1"
    assert len(stored(mariadb)) == 999
    mariadb.run("ALTER TABLE messages MODIFY message TEXT")
    assert sink.write([batch[500]]) == []
    assert len(stored(mariadb)) == 1000


def test_character_outside_the_tables_charset_is_rejected(mariadb: MariaDb, server: MysqlServer) -> None:
    mariadb.run(
        "CREATE TABLE messages (msg_id VARCHAR(50) PRIMARY KEY, message TEXT, user_id VARCHAR(50), timestamp DATETIME)"
        " CHARACTER SET latin1"
    )
    reopening = ReopeningSink(MysqlSink(server))
    (rejected,) = reopening.write([message("a", 0), {**message("a", 1), "message": "🐘"}, message("a", 2)])
    assert rejected.index == 1
    assert "Incorrect string value" in rejected.reason
    mariadb.run("ALTER TABLE messages CONVERT TO CHARACTER SET utf8mb4")
    reopening.close()
    assert reopening.write([{**message("a", 1), "message": "🐘"}]) == []
    reopening.close()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("MODIFY user_id VARCHAR(6)", "Data too long"),
        ("ADD CHECK (user_id <> 'user-1+')", "CONSTRAINT"),
        ("ADD UNIQUE (message(7))", "another row has the same unique key"),
        ("MODIFY user_id ENUM('user-0', 'user-2')", "Data truncated"),
    ],
)
def test_rows_that_violate_constraints_are_rejected_alone(
    sink: Sink, mariadb: MariaDb, change: str, reason: str
) -> None:
    mariadb.run(f"ALTER TABLE messages {change}")
    users = ["user-0", "user-1+", "user-2"]
    batch = [{**message("a", n), "message": f"hello {min(n, 1)}", "user_id": user} for n, user in enumerate(users)]
    (rejected,) = sink.write(batch)
    assert rejected.index == (2 if "UNIQUE" in change else 1)
    assert reason in rejected.reason
    assert len(stored(mariadb)) == 2


def test_message_larger_than_a_packet_is_rejected_alone(mariadb: MariaDb, server: MysqlServer) -> None:
    mariadb.run("SET GLOBAL max_allowed_packet = 65536")
    try:
        for sink in opened(server):
            batch = messages("a", 500)
            batch[7]["message"] = "'" * 40_000
            (rejected,) = sink.write(batch)
            assert (rejected.index, "max_allowed_packet" in rejected.reason) == (7, True)
            assert len(stored(mariadb)) == 499
    finally:
        mariadb.run("SET GLOBAL max_allowed_packet = DEFAULT")


# --- wrong settings -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "answer", "hint"),
    [
        ({"password": "wrong"}, "Access denied", "DB_PASSWORD"),
        ({"user": "nobody"}, "Access denied", "DB_USER"),
        ({"database": "elsewhere"}, "Access denied for user", "DB_NAME"),
    ],
)
def test_wrong_settings_are_misconfigured(server: MysqlServer, change: dict[str, str], answer: str, hint: str) -> None:
    with pytest.raises(SinkMisconfiguredError, match=answer) as raised:
        MysqlSink(replace(server, **change)).open()
    assert hint in str(raised.value.hint)
    assert server.password not in raised.value.message


def test_missing_database_is_misconfigured(mariadb: MariaDb, server: MysqlServer) -> None:
    mariadb.run("GRANT ALL ON missing.* TO qctl@'127.0.0.1'")
    with pytest.raises(SinkMisconfiguredError, match="Unknown database 'missing'") as raised:
        MysqlSink(replace(server, database="missing")).open()
    assert raised.value.hint == "create the database DB_NAME"


@pytest.mark.parametrize(
    ("statement", "answer"),
    [
        ("DROP TABLE messages", "doesn't exist"),
        ("ALTER TABLE messages DROP message", "Unknown column 'message'"),
        ("ALTER TABLE messages ADD more INT NOT NULL", "doesn't have a default value"),
    ],
)
def test_dropped_or_changed_table_is_misconfigured(sink: Sink, mariadb: MariaDb, statement: str, answer: str) -> None:
    mariadb.run(statement)
    with pytest.raises(SinkMisconfiguredError, match=answer):
        sink.write(messages("a", 3))


def test_user_with_write_rights_only_is_sufficient(mariadb: MariaDb, server: MysqlServer) -> None:
    user, grant = f"writer{secrets.token_hex(3)}", f"ON {mariadb.database}.messages TO"
    for sink in opened(server):
        sink.write([message("a", 0)])
    mariadb.run(f"CREATE USER {user}@'127.0.0.1' IDENTIFIED BY ''", f"GRANT INSERT, SELECT {grant} {user}@'127.0.0.1'")
    writer = replace(server, user=user, password="")
    with pytest.raises(SinkMisconfiguredError, match="UPDATE command denied") as raised:
        ReopeningSink(MysqlSink(writer)).write([message("a", 1)])
    assert "UPDATE" in str(raised.value.hint)
    mariadb.run(f"GRANT UPDATE {grant} {user}@'127.0.0.1'")
    for sink in opened(writer):
        assert sink.write(messages("a", 3)) == []
    assert len(stored(mariadb)) == 3


# --- contention and outages --------------------------------------------------------------------------------


def test_row_locked_by_another_transaction_is_waited_for(sink: Sink, mariadb: MariaDb) -> None:
    with other_client(mariadb) as client:
        client.cursor().execute("INSERT INTO messages VALUES ('a-0001', 'mine', 'me', '2026-01-01')")
        with later(0.3, client.commit):
            (rejected,) = sink.write(messages("a", 3))
    assert rejected.index == 1
    assert {row[1] for row in stored(mariadb)} == {"mine", "hello 0", "hello 2"}


def test_lock_timeout_is_unavailable(mariadb: MariaDb, server: MysqlServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mysql, "_SESSION", mysql._SESSION.replace("timeout = 10", "timeout = 0"))
    for sink in opened(server):
        with other_client(mariadb) as client:
            client.cursor().execute("INSERT INTO messages VALUES ('a-0001', 'mine', 'me', '2026-01-01')")
            with pytest.raises(SinkUnavailableError, match="Lock wait timeout"):
                sink.write(messages("a", 3))
            client.rollback()
        assert sink.write(messages("a", 3)) == []


def test_deadlock_is_retried_at_once(sink: Sink, mariadb: MariaDb) -> None:
    sink.write([message("a", 9), message("b", 0)])
    deadlocks = "SELECT variable_value FROM information_schema.global_status WHERE variable_name = 'innodb_deadlocks'"
    (before,) = mariadb.run(deadlocks)
    with other_client(mariadb) as client:
        cursor = client.cursor()
        # The heavier transaction survives: it has changed many rows more.
        cursor.executemany("INSERT INTO messages VALUES (%s, '', '', NULL)", [(f"z{n}",) for n in range(2000)])
        cursor.execute("UPDATE messages SET message = 'x' WHERE msg_id = 'b-0000'")
        writer = threading.Thread(target=sink.write, args=([message("a", 9), message("a", 1), message("b", 0)],))
        writer.start()
        eventually(
            lambda: mariadb.run("SELECT 1 FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'"),
            what="the sink waits",
            every=0.2,  # within 0.1 s, InnoDB shows the same rows again
        )
        cursor.execute("UPDATE messages SET message = 'x' WHERE msg_id = 'a-0009'")
        client.rollback()
        writer.join(PATIENCE_SECONDS)
    assert mariadb.run(deadlocks) > [before]
    assert len(stored(mariadb)) == 3


def test_broken_connection_is_unavailable_once(server: MysqlServer, mariadb: MariaDb) -> None:
    reopening = ReopeningSink(MysqlSink(server))
    reopening.write(messages("a", 3))
    cut_all(mariadb)
    with pytest.raises(SinkUnavailableError):
        reopening.write(messages("a", 5))
    assert reopening.write(messages("a", 5)) == []
    assert len(stored(mariadb)) == 5
    reopening.close()


def test_broken_idle_connection_is_replaced(
    server: MysqlServer, mariadb: MariaDb, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mysql_sink, "IDLE_SECONDS", 0.0)
    reopening = ReopeningSink(MysqlSink(server))
    reopening.write(messages("a", 3))
    cut_all(mariadb)
    assert reopening.write(messages("a", 5)) == []
    reopening.close()


def cut_all(db: MariaDb) -> None:
    """Close the connections of all clients."""
    for (id_,) in db.run("SELECT id FROM information_schema.processlist WHERE user = 'qctl'"):
        db.run(f"KILL {id_}")


@pytest.mark.kill
def test_stored_messages_survive_a_kill_of_the_server(own_mariadb: MariaDb) -> None:
    reopening = ReopeningSink(MysqlSink(server_of(own_mariadb)))
    assert reopening.write(messages("a", 100)) == []
    own_mariadb.kill()
    with pytest.raises(SinkUnavailableError):
        reopening.write(messages("a", 200))
    with pytest.raises(SinkUnavailableError, match="Can't connect"):
        reopening.write(messages("a", 200))
    own_mariadb.restart()
    assert len(stored(own_mariadb)) == 100
    assert reopening.write(messages("a", 200)) == []
    assert len(stored(own_mariadb)) == 200
    reopening.close()


def test_silent_server_is_unavailable(server: MysqlServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mysql, "CONNECT_TIMEOUT_SECONDS", 1)
    monkeypatch.setattr(mysql, "REPLY_TIMEOUT_SECONDS", 1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        sink = MysqlSink(replace(server, port=silent.getsockname()[1]))
        with pytest.raises(SinkUnavailableError):
            sink.open()


def test_too_many_connections_are_unavailable(mariadb: MariaDb, server: MysqlServer) -> None:
    mariadb.run("ALTER USER qctl@'127.0.0.1' WITH MAX_USER_CONNECTIONS 1")
    try:
        for _ in opened(server):
            with pytest.raises(SinkUnavailableError, match="max_user_connections"):
                MysqlSink(server).open()
    finally:
        mariadb.run("ALTER USER qctl@'127.0.0.1' WITH MAX_USER_CONNECTIONS 0")


# --- the driver ---------------------------------------------------------------------------------------------


def test_missing_driver_has_an_install_hint(server: MysqlServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pymysql", None)
    with pytest.raises(SinkMisconfiguredError) as raised:
        MysqlSink(server).open()
    assert raised.value.hint == "pip install 'qctl[mysql]'"


def test_driver_is_loaded_when_needed() -> None:
    code = "import sys, qctl.sinks.mysql; sys.exit('pymysql' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_write_to_a_closed_sink_raises() -> None:
    with pytest.raises(RuntimeError):
        MysqlSink(MysqlServer(("127.0.0.1",), 1, "u", "p", "d")).write([])
