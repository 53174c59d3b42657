"""The MySQL sink against a real MariaDB: the contract, and what only a database server can do."""

from __future__ import annotations

import secrets
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
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
from support.waiting import eventually, later

STATED = [
    ("msg_id", "varchar(50)", "NO", "PRI"),
    ("message", "text", "YES", ""),
    ("user_id", "varchar(50)", "YES", ""),
    ("timestamp", "datetime", "YES", ""),
]
"""The table as the second seed document states it."""


def server_of(db: MariaDb) -> MysqlServer:
    return MysqlServer("127.0.0.1", db.port, db.user, db.password, db.database)


@pytest.fixture
def server(mariadb: MariaDb) -> MysqlServer:
    """Where the test's database is."""
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
    """The table, by time, in UTC."""
    return db.run(
        "SET time_zone = '+00:00'",
        "SELECT msg_id, message, user_id, timestamp FROM messages ORDER BY timestamp, msg_id",
    )


def other_client(db: MariaDb) -> Any:
    """Another client of the same database, not committing by itself."""
    return pymysql.connect(unix_socket=str(db.socket), user="root", database=db.database, charset="utf8mb4")


class TestMysqlSink(MessagesContract):
    """The contract, in the table that the sink makes: as stated, without fractions of a second."""

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
        """A sink of a port where nobody listens."""
        return MysqlSink(replace(server, port=free_port()))

    def stored(self, scope: str) -> list[Any]:
        return stored(self.db)

    def poison(self, item: Item) -> Item:
        return {**item, "message": "poison"}


@pytest.mark.parametrize(
    ("kind", "kept"), [("DATETIME(3)", 123_000), ("DATETIME(6)", 123_987), ("TIMESTAMP(1)", 100_000)]
)
def test_a_table_of_another_make_is_used_as_it_is(mariadb: MariaDb, server: MysqlServer, kind: str, kept: int) -> None:
    mariadb.run(
        f"CREATE TABLE messages (msg_id VARCHAR(255) PRIMARY KEY, message LONGTEXT, user_id TEXT, timestamp {kind})"
        " CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci"
    )
    items = [{**message(id_, 0), "timestamp": "2026-06-01T12:00:00.123987+02:00"} for id_ in ("a", "A", "b")]
    for sink in opened(server):
        for _ in range(2):
            (refused,) = sink.write(items)
            assert refused.index == 1
            assert refused.reason == "another row has the same unique key: 'A-0000'"
    assert {row[3] for row in stored(mariadb)} == {datetime(2026, 6, 1, 10, 0, 0, kept)}
    assert len(stored(mariadb)) == 2


def test_the_table_is_the_stated_one(sink: Sink, mariadb: MariaDb) -> None:
    assert [row[:4] for row in mariadb.run("DESCRIBE messages")] == STATED


def test_rows_are_one_statement_and_one_transaction(sink: Sink, mariadb: MariaDb) -> None:
    before = dict(mariadb.run("SHOW GLOBAL STATUS WHERE Variable_name IN ('Com_insert', 'Com_commit', 'Com_select')"))
    assert sink.write(messages("a", 1000)) == []
    after = dict(mariadb.run("SHOW GLOBAL STATUS WHERE Variable_name IN ('Com_insert', 'Com_commit', 'Com_select')"))
    assert {name: int(after[name]) - int(before[name]) for name in before} == {
        "Com_insert": 1,
        "Com_commit": 1,
        "Com_select": 0,
    }


def test_one_row_too_long_is_refused_and_fits_once_the_table_is_altered(sink: Sink, mariadb: MariaDb) -> None:
    mariadb.run("ALTER TABLE messages MODIFY message VARCHAR(20)")
    batch = messages("a", 1000)
    batch[500]["message"] = "x" * 21
    (refused,) = sink.write(batch)
    assert refused.index == 500
    assert refused.reason == "MySQL rejects it: Data too long for column 'message' at row 1"
    assert len(stored(mariadb)) == 999
    mariadb.run("ALTER TABLE messages MODIFY message TEXT")
    assert sink.write([batch[500]]) == []
    assert len(stored(mariadb)) == 1000


def test_a_character_that_the_table_lacks_is_refused_not_replaced(mariadb: MariaDb, server: MysqlServer) -> None:
    mariadb.run(
        "CREATE TABLE messages (msg_id VARCHAR(50) PRIMARY KEY, message TEXT, user_id VARCHAR(50), timestamp DATETIME)"
        " CHARACTER SET latin1"
    )
    kept = ReopeningSink(MysqlSink(server))
    (refused,) = kept.write([message("a", 0), {**message("a", 1), "message": "🐘"}, message("a", 2)])
    assert refused.index == 1
    assert "Incorrect string value" in refused.reason
    mariadb.run("ALTER TABLE messages CONVERT TO CHARACTER SET utf8mb4")
    kept.close()
    assert kept.write([{**message("a", 1), "message": "🐘"}]) == []
    kept.close()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("MODIFY user_id VARCHAR(6)", "Data too long"),
        ("ADD CHECK (user_id <> 'user-1+')", "CONSTRAINT"),
        ("ADD UNIQUE (message(7))", "another row has the same unique key"),
        ("MODIFY user_id ENUM('user-0', 'user-2')", "Data truncated"),
    ],
)
def test_rows_that_the_table_does_not_take_are_refused_alone(
    sink: Sink, mariadb: MariaDb, change: str, reason: str
) -> None:
    mariadb.run(f"ALTER TABLE messages {change}")
    users = ["user-0", "user-1+", "user-2"]
    batch = [{**message("a", n), "message": f"hello {min(n, 1)}", "user_id": user} for n, user in enumerate(users)]
    (refused,) = sink.write(batch)
    assert refused.index == (2 if "UNIQUE" in change else 1)
    assert reason in refused.reason
    assert len(stored(mariadb)) == 2


def test_a_message_larger_than_a_packet_is_refused_alone(mariadb: MariaDb, server: MysqlServer) -> None:
    mariadb.run("SET GLOBAL max_allowed_packet = 65536")
    try:
        for sink in opened(server):
            batch = messages("a", 500)
            batch[7]["message"] = "'" * 40_000
            (refused,) = sink.write(batch)
            assert (refused.index, "max_allowed_packet" in refused.reason) == (7, True)
            assert len(stored(mariadb)) == 499
    finally:
        mariadb.run("SET GLOBAL max_allowed_packet = DEFAULT")


# --- who refuses us -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "answer", "hint"),
    [
        ({"password": "wrong"}, "Access denied", "DB_PASSWORD"),
        ({"user": "nobody"}, "Access denied", "DB_USER"),
        ({"database": "elsewhere"}, "Access denied for user", "DB_NAME"),
    ],
)
def test_wrong_settings_need_somebody(server: MysqlServer, change: dict[str, str], answer: str, hint: str) -> None:
    with pytest.raises(SinkMisconfiguredError, match=answer) as raised:
        MysqlSink(replace(server, **change)).open()
    assert hint in str(raised.value.hint)
    assert server.password not in raised.value.message


def test_a_missing_database_needs_somebody(mariadb: MariaDb, server: MysqlServer) -> None:
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
def test_a_table_that_is_gone_or_another_needs_somebody(
    sink: Sink, mariadb: MariaDb, statement: str, answer: str
) -> None:
    mariadb.run(statement)
    with pytest.raises(SinkMisconfiguredError, match=answer):
        sink.write(messages("a", 3))


def test_a_user_who_may_only_write_needs_no_more(mariadb: MariaDb, server: MysqlServer) -> None:
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


# --- who is busy or gone ------------------------------------------------------------------------------------


def test_a_row_that_another_transaction_holds_is_waited_for(sink: Sink, mariadb: MariaDb) -> None:
    with other_client(mariadb) as client:
        client.cursor().execute("INSERT INTO messages VALUES ('a-0001', 'mine', 'me', '2026-01-01')")
        with later(0.3, client.commit):
            (refused,) = sink.write(messages("a", 3))
    assert refused.index == 1
    assert {row[1] for row in stored(mariadb)} == {"mine", "hello 0", "hello 2"}


def test_a_lock_that_does_not_come_makes_the_batch_wait(
    mariadb: MariaDb, server: MysqlServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mysql, "_SESSION", mysql._SESSION.replace("timeout = 10", "timeout = 0"))
    for sink in opened(server):
        with other_client(mariadb) as client:
            client.cursor().execute("INSERT INTO messages VALUES ('a-0001', 'mine', 'me', '2026-01-01')")
            with pytest.raises(SinkUnavailableError, match="Lock wait timeout"):
                sink.write(messages("a", 3))
            client.rollback()
        assert sink.write(messages("a", 3)) == []


def test_a_deadlock_is_tried_again_at_once(sink: Sink, mariadb: MariaDb) -> None:
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
            every=0.2,  # InnoDB shows what it showed before to whoever asks again within 0.1 s
        )
        cursor.execute("UPDATE messages SET message = 'x' WHERE msg_id = 'a-0009'")
        client.rollback()
        writer.join(30)
    assert mariadb.run(deadlocks) > [before]
    assert len(stored(mariadb)) == 3


def test_a_connection_that_was_cut_makes_the_batch_wait_once(server: MysqlServer, mariadb: MariaDb) -> None:
    kept = ReopeningSink(MysqlSink(server))
    kept.write(messages("a", 3))
    cut_all(mariadb)
    with pytest.raises(SinkUnavailableError):
        kept.write(messages("a", 5))
    assert kept.write(messages("a", 5)) == []
    assert len(stored(mariadb)) == 5
    kept.close()


def test_an_idle_connection_that_was_cut_is_not_noticed(
    server: MysqlServer, mariadb: MariaDb, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mysql_sink, "IDLE_SECONDS", 0.0)
    kept = ReopeningSink(MysqlSink(server))
    kept.write(messages("a", 3))
    cut_all(mariadb)
    assert kept.write(messages("a", 5)) == []
    kept.close()


def cut_all(db: MariaDb) -> None:
    """Close the connections of all clients."""
    for (id_,) in db.run("SELECT id FROM information_schema.processlist WHERE user = 'qctl'"):
        db.run(f"KILL {id_}")


@pytest.mark.kill
def test_what_was_written_survives_a_kill_of_the_server(own_mariadb: MariaDb) -> None:
    kept = ReopeningSink(MysqlSink(server_of(own_mariadb)))
    assert kept.write(messages("a", 100)) == []
    own_mariadb.kill()
    with pytest.raises(SinkUnavailableError):
        kept.write(messages("a", 200))
    with pytest.raises(SinkUnavailableError, match="Can't connect"):
        kept.write(messages("a", 200))
    own_mariadb.restart()
    assert len(stored(own_mariadb)) == 100
    assert kept.write(messages("a", 200)) == []
    assert len(stored(own_mariadb)) == 200
    kept.close()


def test_a_server_that_does_not_answer_makes_the_batch_wait(
    server: MysqlServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mysql, "CONNECT_TIMEOUT_SECONDS", 1)
    monkeypatch.setattr(mysql, "REPLY_TIMEOUT_SECONDS", 1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        sink = MysqlSink(replace(server, port=silent.getsockname()[1]))
        with pytest.raises(SinkUnavailableError):
            sink.open()


def test_too_many_connections_make_the_batch_wait(mariadb: MariaDb, server: MysqlServer) -> None:
    mariadb.run("ALTER USER qctl@'127.0.0.1' WITH MAX_USER_CONNECTIONS 1")
    try:
        for _ in opened(server):
            with pytest.raises(SinkUnavailableError, match="max_user_connections"):
                MysqlSink(server).open()
    finally:
        mariadb.run("ALTER USER qctl@'127.0.0.1' WITH MAX_USER_CONNECTIONS 0")


# --- TLS ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of 127.0.0.1, its own authority; the key is beside it."""
    folder = tmp_path_factory.mktemp("tls")
    command = (
        "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1"
    )
    files = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    subprocess.run([*command.split(), *files], check=True, stderr=subprocess.DEVNULL)
    return folder / "cert.pem"


def test_tls_is_spoken_where_it_is_asked_for(server: MysqlServer, tmp_path: Path, certificate: Path) -> None:
    db = MariaDb(tmp_path, f"--ssl-cert={certificate}", f"--ssl-key={certificate.with_name('key.pem')}")
    trusting = replace(server, port=db.port, tls=True, ca=certificate)
    with db:
        db.run("ALTER USER qctl@'127.0.0.1' REQUIRE SSL")
        assert ReopeningSink(MysqlSink(trusting)).write([message("a", 0)]) == []
        with pytest.raises(SinkMisconfiguredError, match="has no valid certificate") as raised:
            MysqlSink(replace(trusting, ca=None)).open()
        assert raised.value.hint == "check QCTL_DB_TLS"
        with pytest.raises(SinkMisconfiguredError, match="has no valid certificate"):
            MysqlSink(replace(trusting, host="localhost")).open()
        with pytest.raises(SinkMisconfiguredError, match="QCTL_DB_CA cannot be used"):
            MysqlSink(replace(trusting, ca=tmp_path / "none.pem")).open()


def test_tls_where_there_is_none_needs_somebody(server: MysqlServer) -> None:
    with pytest.raises(SinkMisconfiguredError, match="SSL") as raised:
        MysqlSink(replace(server, tls=True)).open()
    assert raised.value.hint == "check QCTL_DB_TLS"


# --- the driver ---------------------------------------------------------------------------------------------


def test_a_missing_driver_is_named_with_what_installs_it(server: MysqlServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pymysql", None)
    with pytest.raises(SinkMisconfiguredError) as raised:
        MysqlSink(server).open()
    assert raised.value.hint == "pip install 'qctl[mysql]'"


def test_the_driver_is_not_loaded_before_it_is_needed() -> None:
    code = "import sys, qctl.sinks.mysql; sys.exit('pymysql' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_closed_sink_is_not_written_to() -> None:
    with pytest.raises(RuntimeError):
        MysqlSink(MysqlServer("127.0.0.1", 1, "u", "p", "d")).write([])
