"""Tables in MySQL or SQLite through the same statements, with `?` for parameters and syntax that both understand.

`Database.run` runs a function in a transaction. It may run it again after a deadlock, so the function must not have
other effects.
"""

from __future__ import annotations

import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, TypeVar

from qctl.databases import mysql, sqlite
from qctl.databases.mysql import MysqlServer
from qctl.settings import Settings

T = TypeVar("T")
Params = Sequence[Any]

MAX_ATTEMPTS = 5
"""Attempts at a transaction after deadlocks and lock time-outs."""

_TABLE_EXISTS = "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = ?"


@dataclass(frozen=True)
class TableSchema:
    """A table's name, and its columns in syntax that both databases understand."""

    name: str
    columns: str

    @property
    def statement(self) -> str:
        """The statement that creates the table if it is missing."""
        return f"CREATE TABLE IF NOT EXISTS {self.name} ({self.columns})"


class Transaction(ABC):
    """A running transaction. `lock_clause` ends a SELECT to lock its rows until the transaction ends."""

    lock_clause: str

    @abstractmethod
    def select(self, statement: str, params: Params = ()) -> list[tuple[Any, ...]]:
        """The rows of a SELECT."""

    @abstractmethod
    def write(self, statement: str, rows: Sequence[Params]) -> None:
        """Run a statement once for each of `rows`."""


class Database(ABC):
    """Tables of one database, for one thread at a time. Methods raise SinkError, and RejectedError for a bad row."""

    def run(self, work: Callable[[Transaction], T], *, writes: bool = True) -> T:
        """Run `work` in a transaction."""

        def attempt() -> T:
            with self._transaction(writes) as transaction:
                return work(transaction)

        return mysql.retry_on_contention(attempt, MAX_ATTEMPTS)

    def select(self, statement: str, params: Params = ()) -> list[tuple[Any, ...]]:
        """The rows of a SELECT in a transaction of its own."""
        return self.run(lambda transaction: transaction.select(statement, params), writes=False)

    @abstractmethod
    def _transaction(self, writes: bool) -> AbstractContextManager[Transaction]:
        """Context manager of a transaction."""

    @abstractmethod
    def close(self) -> None:
        """Close the connection."""


@contextmanager
def open_database(settings: Settings, *tables: TableSchema) -> Iterator[Database]:
    """The database of the settings with these tables, which are created if they are missing."""
    database = _MysqlDatabase(settings, tables) if settings.db_hosts else _SqliteDatabase(settings, tables)
    with closing(database):
        yield database


@contextmanager
def open_sqlite(settings: Settings, *tables: TableSchema) -> Iterator[Database]:
    """The SQLite file with these tables, even if DB_HOST is set."""
    with closing(_SqliteDatabase(settings, tables)) as database:
        yield database


@contextmanager
def open_read_only(settings: Settings, table: str) -> Iterator[sqlite3.Connection | None]:
    """The SQLite file, without creating or changing it; None if the file or the table is missing. Raises SinkError."""
    if not settings.database.exists():
        yield None
        return
    with sqlite.translate_errors(settings.database), closing(sqlite.connect_read_only(settings.database)) as db:
        yield db if sqlite.has_table(db, table) else None


# --- times: written as text, so that both databases compare them alike ----------------------------------------------


def format_time(moment: datetime) -> str:
    """A time with a zone as it is stored: UTC with microseconds."""
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%d %H:%M:%S.%f")


def parse_time(value: Any) -> datetime:
    """A stored time, in UTC."""
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    return moment.replace(tzinfo=timezone.utc)


# --- SQLite ---------------------------------------------------------------------------------------------------------


class _SqliteTransaction(Transaction):
    lock_clause = ""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def select(self, statement: str, params: Params = ()) -> list[tuple[Any, ...]]:
        return self._db.execute(statement, tuple(params)).fetchall()

    def write(self, statement: str, rows: Sequence[Params]) -> None:
        self._db.executemany(statement, rows)


class _SqliteDatabase(Database):
    def __init__(self, settings: Settings, tables: Sequence[TableSchema]) -> None:
        self._path = settings.database
        self._db = sqlite.connect(self._path, [table.statement for table in tables])

    @contextmanager
    def _transaction(self, writes: bool) -> Iterator[Transaction]:
        with sqlite.transaction(self._db, self._path, writes=writes) as db:
            yield _SqliteTransaction(db)

    def close(self) -> None:
        with suppress(sqlite3.Error):
            self._db.close()


# --- MySQL ----------------------------------------------------------------------------------------------------------


class _MysqlTransaction(Transaction):
    lock_clause = " FOR UPDATE"

    def __init__(self, cursor: Any) -> None:
        self._cursor = cursor

    def select(self, statement: str, params: Params = ()) -> list[tuple[Any, ...]]:
        self._cursor.execute(statement.replace("?", "%s"), tuple(params))
        return list(self._cursor.fetchall())

    def write(self, statement: str, rows: Sequence[Params]) -> None:
        self._cursor.executemany(statement.replace("?", "%s"), rows)


class _MysqlDatabase(Database):
    def __init__(self, settings: Settings, tables: Sequence[TableSchema]) -> None:
        self._server = MysqlServer.from_settings(settings)
        self._table_names = " and ".join(table.name for table in tables)
        self._connection = mysql.connect(self._server)
        try:
            for table in tables:
                self._create(table)
        except BaseException:
            self.close()
            raise

    def _create(self, table: TableSchema) -> None:
        """Create a table if it is missing. That needs other rights than writing to it."""
        if not self.select(_TABLE_EXISTS, (table.name,)):
            statement = f"{table.statement} {mysql.TABLE_OPTIONS}"
            self.run(lambda transaction: transaction.select(statement))

    @contextmanager
    def _transaction(self, writes: bool) -> Iterator[Transaction]:
        del writes  # a reading transaction of InnoDB locks nothing
        with mysql.transaction(self._connection, self._server, self._table_names) as cursor:
            yield _MysqlTransaction(cursor)

    def close(self) -> None:
        mysql.close(self._connection)
