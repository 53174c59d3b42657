"""Tables in MySQL or SQLite by the same statements: `?` for a parameter, and what both understand.

`Database.run` is given what to do in a transaction. It may do it again, after a deadlock: it has no other effects.
"""

from __future__ import annotations

import random
import sqlite3
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, TypeVar

from qctl.errors import SinkUnavailableError
from qctl.settings import Settings
from qctl.sinks import mysql, sqlite
from qctl.sinks.mysql import ContentionError, Server

T = TypeVar("T")
Params = Sequence[Any]

CONTENTIONS = 5
"""Times that a transaction is begun again after a deadlock or a lock that did not come."""

_THERE = "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = ?"


@dataclass(frozen=True)
class Table:
    """A table by its name, and its columns as both databases take them."""

    name: str
    columns: str

    @property
    def schema(self) -> str:
        """The statement that makes it where it is missing."""
        return f"CREATE TABLE IF NOT EXISTS {self.name} ({self.columns})"


class Rows(ABC):
    """A transaction that goes on. `lock` ends a SELECT whose rows nobody else may change until it is over."""

    lock: str

    @abstractmethod
    def all(self, statement: str, params: Params = ()) -> list[tuple[Any, ...]]:
        """The rows of a SELECT."""

    @abstractmethod
    def write(self, statement: str, rows: Sequence[Params]) -> None:
        """Run a statement for each of `rows`."""


class Database(ABC):
    """Tables of one database. One thread at a time; close it. Everything raises SinkError, and RejectedError where the
    database refuses a row."""

    def run(self, act: Callable[[Rows], T], *, writes: bool = True) -> T:
        """Do something in a transaction, whole or not at all."""
        for tries_left in reversed(range(CONTENTIONS)):
            try:
                with self._transaction(writes) as rows:
                    return act(rows)
            except ContentionError as error:
                if not tries_left:
                    raise SinkUnavailableError(error.message) from error
                time.sleep(random.uniform(0.01, 0.1))
        raise AssertionError("unreachable")

    def all(self, statement: str, params: Params = ()) -> list[tuple[Any, ...]]:
        """The rows of a SELECT."""
        return self.run(lambda rows: rows.all(statement, params), writes=False)

    @abstractmethod
    def _transaction(self, writes: bool) -> Any:
        """A context manager that gives Rows."""

    @abstractmethod
    def close(self) -> None:
        """Let go of it."""


@contextmanager
def opened(settings: Settings, *tables: Table) -> Iterator[Database]:
    """The database of these settings, with these tables, which are made where they are missing."""
    database = _MySql(settings, tables) if settings.db_host else _Sqlite(settings, tables)
    with closing(database):
        yield database


@contextmanager
def opened_file(settings: Settings, *tables: Table) -> Iterator[Database]:
    """The SQLite file with these tables, whatever server DB_HOST names."""
    with closing(_Sqlite(settings, tables)) as database:
        yield database


@contextmanager
def opened_to_read(settings: Settings, table: str) -> Iterator[sqlite3.Connection | None]:
    """The SQLite file, which is neither made nor changed; None where it is not there, or not this table. Raises
    SinkError."""
    if not settings.database.exists():
        yield None
        return
    with sqlite.translated(settings.database):
        where = f"{settings.database.absolute().as_uri()}?mode=ro"
        with closing(sqlite3.connect(where, uri=True, timeout=sqlite.BUSY_TIMEOUT)) as db:
            there = db.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", (table,)).fetchone()
            yield db if there else None


# --- times: as text on their way in, so that both compare them alike ------------------------------------------------


def stamp(moment: datetime) -> str:
    """A time with a zone as it is written: UTC with microseconds."""
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%d %H:%M:%S.%f")


def moment(found: Any) -> datetime:
    """A time as it was read, in UTC."""
    read = found if isinstance(found, datetime) else datetime.fromisoformat(found)
    return read.replace(tzinfo=timezone.utc)


# --- SQLite ---------------------------------------------------------------------------------------------------------


class _SqliteRows(Rows):
    lock = ""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def all(self, statement: str, params: Params = ()) -> list[tuple[Any, ...]]:
        return self._db.execute(statement, tuple(params)).fetchall()

    def write(self, statement: str, rows: Sequence[Params]) -> None:
        self._db.executemany(statement, rows)


class _Sqlite(Database):
    def __init__(self, settings: Settings, tables: Sequence[Table]) -> None:
        self._path = settings.database
        self._db = sqlite.connect(self._path, [table.schema for table in tables])

    @contextmanager
    def _transaction(self, writes: bool) -> Iterator[Rows]:
        with sqlite.transaction(self._db, self._path, writes=writes) as db:
            yield _SqliteRows(db)

    def close(self) -> None:
        with suppress(sqlite3.Error):
            self._db.close()


# --- MySQL ----------------------------------------------------------------------------------------------------------


class _MySqlRows(Rows):
    lock = " FOR UPDATE"

    def __init__(self, cursor: Any) -> None:
        self._cursor = cursor

    def all(self, statement: str, params: Params = ()) -> list[tuple[Any, ...]]:
        self._cursor.execute(statement.replace("?", "%s"), tuple(params))
        return list(self._cursor.fetchall())

    def write(self, statement: str, rows: Sequence[Params]) -> None:
        self._cursor.executemany(statement.replace("?", "%s"), rows)


class _MySql(Database):
    def __init__(self, settings: Settings, tables: Sequence[Table]) -> None:
        self._server = Server.of(settings)
        self._names = " and ".join(table.name for table in tables)
        self._connection = mysql.connect(self._server)
        try:
            for table in tables:
                self._make(table)
        except BaseException:
            self.close()
            raise

    def _make(self, table: Table) -> None:
        """Make a table where it is missing, for which other rights are needed than for writing to it."""
        if not self.all(_THERE, (table.name,)):
            schema = f"{table.schema} ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
            self.run(lambda rows: rows.all(schema))

    @contextmanager
    def _transaction(self, writes: bool) -> Iterator[Rows]:
        del writes  # readers shut nobody out
        with mysql.transaction(self._connection, self._server, self._names) as cursor:
            yield _MySqlRows(cursor)

    def close(self) -> None:
        with suppress(Exception):  # called after errors, of which the connection may still be full
            self._connection.close()
