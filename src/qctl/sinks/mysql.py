"""Messages in MySQL or MariaDB: the table `messages` of the second seed document, one transaction a batch.

A row whose msg_id is there already is left as it is, by an update that changes nothing: INSERT IGNORE would turn bad
values into warnings too. Then the rows are read back in the same transaction, while their locks are held: the same
message is stored already, another one is refused. They are compared here, not by the collation, in which `a`, `A` and
`a ` may be one id; where only the table sees the same id, or another unique key is taken, the row is refused too.

Where the column `timestamp` keeps no fractions of a second, as the seed states it, they are cut off, never rounded into
the next second: `ALTER TABLE messages MODIFY timestamp DATETIME(3)` keeps milliseconds from then on.
"""

from __future__ import annotations

import random
import ssl
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import Any

from qctl.errors import QctlError, RejectedError, SinkMisconfiguredError, SinkUnavailableError
from qctl.settings import Settings
from qctl.sinks.base import Refused, Row, Sink, write_rows
from qctl.sinks.messages import SCHEMA, Message, conflict, message

CONNECT_TIMEOUT = 10
"""Seconds to wait for a connection."""

REPLY_TIMEOUT = 30
"""Seconds to wait for a reply: longer than a lock is waited for."""

IDLE = 30.0
"""Seconds without a batch after which the connection is tried before it is used: servers close idle ones."""

PARTS = 1000
"""Bytes of a statement beside the text of a message, at most."""

CONTENTIONS = 3
"""Times that a transaction is begun again after a deadlock or a lock that did not come, before the batch waits."""

_SESSION = (
    "SET sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', time_zone = '+00:00',"
    " innodb_lock_wait_timeout = 10, autocommit = 0"
)
_TABLE = SCHEMA.rstrip() + " ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
_LIMITS = """
SELECT DATETIME_PRECISION, @@max_allowed_packet FROM information_schema.COLUMNS
WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'messages' AND COLUMN_NAME = 'timestamp'
"""
_INSERT = """
INSERT INTO messages (msg_id, message, user_id, timestamp) VALUES (%s, %s, %s, %s)
ON DUPLICATE KEY UPDATE msg_id = msg_id
"""
_STORED = "SELECT msg_id, message, user_id, timestamp FROM messages WHERE msg_id IN %s"

# Numbers of https://mariadb.com/kb/en/mariadb-error-codes/ and MySQL's "Server Error Message Reference".
_CONTENTION = {1205, 1213}  # lock wait timeout, deadlock
_BAD_ROW = {
    1048,  # a column that may not be null
    1062,  # another unique key of the table has it
    1153,  # larger than max_allowed_packet
    1264,  # out of range
    1265,  # truncated
    1292,  # incorrect date and time
    1366,  # a character that the column's character set lacks
    1406,  # too long
    1452,  # a foreign key
    1644,  # a trigger says so
    3819,  # a check of MySQL
    4025,  # a check of MariaDB
}
_NEEDS_SOMEBODY = {
    1044: "let DB_USER use DB_NAME",
    1045: "set DB_USER and DB_PASSWORD",
    1049: "create the database DB_NAME",
    1054: "give {tables} the columns that are missing",
    1130: "let DB_USER connect from this host",
    1142: "let DB_USER SELECT, INSERT and UPDATE in {tables}, and CREATE it where it is missing",
    1143: "let DB_USER use all columns of {tables}",
    1146: "create {tables}",
    1251: "use an authentication plugin that the driver knows",
    1347: "{tables} must be a table",
    1364: "give the other columns of {tables} a default",
    1698: "set DB_USER and DB_PASSWORD",
    1820: "set a new password for DB_USER",
    1862: "set a new password for DB_USER",
    2026: "check QCTL_DB_TLS",
    3159: "set QCTL_DB_TLS=true",
}
_MAX_ANSWER = 300

Params = tuple[str, str, str, datetime]


@dataclass(frozen=True)
class Server:
    """Where the database is, and who uses it. `tls` demands TLS and checks the certificate, against `ca` if given."""

    host: str
    port: int
    user: str
    password: str
    database: str
    tls: bool = False
    ca: Path | None = None

    @classmethod
    def of(cls, settings: Settings) -> Server:
        """The one that DB_HOST and its neighbours name."""
        return cls(
            host=settings.db_host or "",
            port=settings.db_port,
            user=settings.db_user or "",
            password=settings.db_password or "",
            database=settings.db_name or "",
            tls=settings.db_tls,
            ca=settings.db_ca,
        )


class MysqlSink(Sink):
    """The table `messages` of one database. The table is made where it is missing, the database is not."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._connection: Any = None
        self._decimals = 6
        self._packet = 0
        self._used = 0.0

    def open(self) -> None:
        """Connect and make the table."""
        if self._connection is not None and not self._still_there():
            self.close()
        if self._connection is None:
            self._connection = connect(self._server)
            with translated(self._server):
                self._prepare()

    def write(self, batch: Sequence[Any]) -> list[Refused]:
        """Store messages. Another message under the same msg_id is refused."""
        if self._connection is None:
            raise RuntimeError("a sink is opened before it is written to")
        self._used = time.monotonic()
        return write_rows(batch, self._params, self._insert)

    def check(self) -> None:
        """Connect, and have an insertion explained, for which the rights and the table are looked at.

        A table that is missing is made by `open`, if our rights allow it: that is not asked here.
        """
        connection = connect(self._server)
        with closing(connection), transaction(connection, self._server) as cursor:
            if cursor.execute(_LIMITS):
                cursor.execute(f"EXPLAIN {_INSERT}", ("", "", "", None))

    def close(self) -> None:
        """Close the connection; the server rolls back what was not committed."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(Exception):  # called after errors, of which the connection may still be full
                connection.close()

    # --- connecting ---------------------------------------------------------------------------------------

    def _prepare(self) -> None:
        """Make the table where it is missing, for which other rights are needed than for writing to it."""
        with self._connection.cursor() as cursor:
            if not cursor.execute(_LIMITS):
                cursor.execute(_TABLE)
                cursor.execute(_LIMITS)
            (precision, self._packet) = cursor.fetchone()
        self._connection.commit()
        self._decimals = 6 if precision is None else precision

    def _still_there(self) -> bool:
        if time.monotonic() - self._used < IDLE:
            return True
        try:
            self._connection.ping(reconnect=False)
        except Exception:  # noqa: BLE001 - whatever is wrong with it, a new one is made
            return False
        return True

    # --- writing ------------------------------------------------------------------------------------------

    def _params(self, item: Any) -> Params:
        found = message(item)
        if 2 * len(found.message.encode()) + PARTS > self._packet:  # the server would hang up, whoever else is in it
            raise RejectedError("it is larger than max_allowed_packet of MySQL lets through")
        unit = 10 ** (6 - self._decimals)
        at = found.timestamp.replace(tzinfo=None, microsecond=found.timestamp.microsecond // unit * unit)
        return Message(found.msg_id, found.message, found.user_id, at)

    def _insert(self, rows: Sequence[Row[Params]]) -> list[Refused]:
        """Store rows in one transaction, but those whose id is another message's."""
        for tries_left in reversed(range(CONTENTIONS + 1)):
            try:
                with transaction(self._connection, self._server) as cursor:
                    cursor.max_stmt_length = min(cursor.max_stmt_length, self._packet - PARTS)
                    inserted = cursor.executemany(_INSERT, [row.form for row in rows])
                    if inserted == len(rows):
                        return []
                    return self._conflicts(cursor, rows)
            except ContentionError as error:
                if not tries_left:
                    raise SinkUnavailableError(error.message) from error
                time.sleep(random.uniform(0.01, 0.1))
        raise AssertionError("unreachable")

    def _conflicts(self, cursor: Any, rows: Sequence[Row[Params]]) -> list[Refused]:
        cursor.execute(_STORED, ([row.form[0] for row in rows],))
        stored = {found[0]: found for found in cursor.fetchall()}
        return [
            Refused(row.index, conflict(id_) if id_ in stored else f"another row stands in its place: {id_!r}")
            for row in rows
            if stored.get(id_ := row.form[0]) != row.form
        ]


# --- the server, for whoever keeps tables in it ----------------------------------------------------------------


class ContentionError(QctlError):
    """Another transaction stood in the way."""


def connect(server: Server) -> Any:
    """A connection, in which transactions are begun and ended by `transaction` alone. Raises SinkError."""
    with translated(server):
        tls = {"ssl": ssl.create_default_context(cafile=server.ca)} if server.tls else {}
        return _driver("pymysql").connect(
            host=server.host,
            port=server.port,
            user=server.user,
            password=server.password.encode(),
            database=server.database,
            charset="utf8mb4",
            init_command=_SESSION,
            connect_timeout=CONNECT_TIMEOUT,
            read_timeout=REPLY_TIMEOUT,
            write_timeout=REPLY_TIMEOUT,
            program_name="qctl",
            **tls,
        )


@contextmanager
def transaction(connection: Any, server: Server, tables: str = "messages") -> Iterator[Any]:
    """A transaction, as a cursor. Raises as `translated`."""
    with translated(server, tables):
        try:
            with connection.cursor() as cursor:
                yield cursor
            connection.commit()
        except BaseException:
            with suppress(Exception):  # the connection may be what broke; then the server rolls back
                connection.rollback()
            raise


@contextmanager
def translated(server: Server, tables: str = "messages") -> Iterator[None]:
    """Raise what the driver raises as an error of sinks, as RejectedError where the rows are at fault, or as
    ContentionError. `tables` are named in what is to be done about it."""
    try:
        yield
    except _driver("pymysql").MySQLError as error:
        raise _meaning(server, tables, error) from error
    except OSError as error:  # the certificate authority cannot be read
        raise SinkMisconfiguredError(f"QCTL_DB_CA cannot be used: {_line(error)}") from error


def _meaning(server: Server, tables: str, error: Any) -> QctlError:
    """What an error says about us and the batch. One that nobody foresaw makes the batch wait, and is shown."""
    number = error.args[0] if error.args and isinstance(error.args[0], int) else 0
    answer = _line(error.args[-1] if error.args else error) or type(error).__name__
    where = f"MySQL at {server.host}:{server.port}"
    if number in _CONTENTION:
        return ContentionError(f"{where} is busy: {answer}")
    if number in _BAD_ROW:
        return RejectedError(f"MySQL refuses it: {answer}")
    if isinstance(getattr(error, "original_exception", None), ssl.SSLError):
        return SinkMisconfiguredError(f"{where} cannot be trusted: {answer}", hint=_NEEDS_SOMEBODY[2026])
    if number in _NEEDS_SOMEBODY:
        hint = _NEEDS_SOMEBODY[number].format(tables=tables)
        return SinkMisconfiguredError(f"{where} refuses us: {answer}", hint=hint)
    return SinkUnavailableError(f"{where} cannot be written to: {answer}")


def _driver(module: str) -> Any:
    """The driver, loaded when it is needed: it may not be installed."""
    try:
        return import_module(module)
    except ImportError as error:
        raise SinkMisconfiguredError(
            f"DB_HOST is set and the driver for MySQL is not installed: {error}", hint="pip install qctl[mysql]"
        ) from error


def _line(text: object) -> str:
    return " ".join(str(text).split())[:_MAX_ANSWER]
