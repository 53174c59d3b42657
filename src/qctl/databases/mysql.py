"""Connects to MySQL or MariaDB, runs transactions, and translates the driver's errors."""

from __future__ import annotations

import random
import ssl
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from qctl import extras
from qctl.errors import QctlError, RejectedError, SinkError, SinkMisconfiguredError, SinkUnavailableError
from qctl.ownership import find_violation
from qctl.safe import summary
from qctl.settings import Settings

T = TypeVar("T")

CONNECT_TIMEOUT_SECONDS = 10
"""Time (s) to wait for a connection."""

REPLY_TIMEOUT_SECONDS = 30
"""Time (s) to wait for a reply. It is longer than the wait for a lock."""

CLUSTER_CONNECT_SECONDS, CLUSTER_REPLY_SECONDS = 3, 15
"""The same two where another host is known, so that work goes on within 30 s of the loss of one."""

_SESSION = (
    "SET sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', time_zone = '+00:00',"
    " innodb_lock_wait_timeout = 10, autocommit = 0"
)

TABLE_OPTIONS = "ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
"""End of a CREATE TABLE statement."""

# Numbers of https://mariadb.com/kb/en/mariadb-error-codes/ and MySQL's "Server Error Message Reference".
_CONTENTION = {1205, 1213}  # lock wait timeout, deadlock
_BAD_ROW = {
    1048,  # column cannot be null
    1062,  # another unique key of the table has the value
    1153,  # larger than max_allowed_packet
    1264,  # out of range
    1265,  # truncated
    1292,  # incorrect date and time
    1366,  # a character that the column's character set lacks
    1406,  # too long
    1452,  # foreign key
    1644,  # raised by a trigger
    3819,  # check constraint of MySQL
    4025,  # check constraint of MariaDB
}
PLUGIN_HINT = (
    "let DB_USER log in by mysql_native_password, ed25519 or caching_sha2_password, the plug-ins that the driver knows"
)

CLEAR_TEXT_PLUGINS = ("mysql_clear_password", "dialog")
"""Plug-ins of logins that send the password as it is; used with TLS only."""

_MISSING_PACKAGES = {
    "pynacl": "pip install 'PyMySQL[ed25519]' where the worker runs",
    "cryptography": "pip install 'PyMySQL[rsa]' where the worker runs, or set QCTL_DB_TLS=true",
}
"""Packages that the driver needs for a plug-in of logins, with the next step."""

_HINTS = {
    1044: "let DB_USER use DB_NAME",
    1045: "set DB_USER and DB_PASSWORD",
    1049: "create the database DB_NAME",
    1054: "add the missing columns to {tables}",
    1130: "let DB_USER connect from this host",
    1142: "let DB_USER SELECT, INSERT and UPDATE in {tables}, and CREATE it if it is missing",
    1143: "let DB_USER use all columns of {tables}",
    1146: "create {tables}",
    1251: PLUGIN_HINT,
    1347: "make {tables} a table",
    1364: "set a default for the other columns of {tables}",
    1698: "set DB_USER and DB_PASSWORD",
    1820: "set a new password for DB_USER",
    1862: "set a new password for DB_USER",
    2026: "check QCTL_DB_TLS",
    2059: PLUGIN_HINT,
    2061: f"set QCTL_DB_TLS=true, or {PLUGIN_HINT}",
    3159: "set QCTL_DB_TLS=true",
}
"""Errors that a person must fix, by number, with the next step."""


@dataclass(frozen=True)
class MysqlServer:
    """Address and user of a database. `tls` requires TLS with a valid certificate, signed by `ca` if it is set.

    Of several hosts, nodes of a Galera cluster or a primary and its replicas, the first that takes writes is used.
    """

    hosts: tuple[str, ...]
    port: int
    user: str
    password: str
    database: str
    tls: bool = False
    ca: Path | None = None

    @classmethod
    def from_settings(cls, settings: Settings) -> MysqlServer:
        """The server of DB_HOST and the other DB_ settings."""
        return cls(
            hosts=settings.db_hosts,
            port=settings.db_port,
            user=settings.db_user or "",
            password=settings.db_password or "",
            database=settings.db_name or "",
            tls=settings.db_tls,
            ca=settings.db_ca,
        )

    @property
    def where(self) -> str:
        """The server as errors name it."""
        return f"MySQL at {', '.join(f'{host}:{self.port}' for host in self.hosts)}"

    def at(self, host: str) -> MysqlServer:
        """The same server, of which only one host is known."""
        return replace(self, hosts=(host,))


class ContentionError(QctlError):
    """Another transaction holds a lock, or a deadlock was resolved against this one."""


def connect(server: MysqlServer) -> Any:
    """Open a connection for `transaction`. Raises SinkError.

    With several hosts it is one to the first that takes writes. If none does, the error names the reason of each.
    """
    if len(server.hosts) == 1:
        return _connect(server, CONNECT_TIMEOUT_SECONDS, REPLY_TIMEOUT_SECONDS)
    errors: list[SinkError] = []
    for host in server.hosts:
        node = server.at(host)
        try:
            connection = _connect(node, CLUSTER_CONNECT_SECONDS, CLUSTER_REPLY_SECONDS)
            try:
                _require_writes(connection, node)
            except BaseException:
                close(connection)
                raise
        except SinkError as error:
            errors.append(error)
        else:
            return connection
    if all(isinstance(problem, SinkMisconfiguredError) for problem in errors):
        raise errors[0]
    raise SinkUnavailableError("; ".join(problem.message for problem in errors))


def _require_writes(connection: Any, node: MysqlServer) -> None:
    """Raise SinkUnavailableError if a node takes no writes: a replica, or one that is not in step with its cluster."""
    with translate_errors(node), connection.cursor() as cursor:
        cursor.execute("SHOW GLOBAL VARIABLES LIKE 'wsrep_on'")
        if (galera := cursor.fetchone()) and galera[1] == "ON":
            cursor.execute("SHOW GLOBAL STATUS LIKE 'wsrep_ready'")
            if cursor.fetchone()[1] != "ON":
                raise SinkUnavailableError(f"{node.where} is not in step with its cluster: wsrep_ready is OFF")
        cursor.execute("SELECT @@global.read_only")
        if cursor.fetchone()[0]:
            raise SinkUnavailableError(f"{node.where} takes no writes: read_only is on")
    connection.rollback()


def _connect(server: MysqlServer, connect_timeout: float, reply_timeout: float) -> Any:
    with translate_errors(server), _translate_login_errors(server):
        tls = {"ssl": _tls(server)} if server.tls else {}
        return _driver().connect(
            host=server.hosts[0],
            port=server.port,
            user=server.user,
            password=server.password.encode(),
            database=server.database,
            charset="utf8mb4",
            init_command=_SESSION,
            connect_timeout=connect_timeout,
            read_timeout=reply_timeout,
            write_timeout=reply_timeout,
            program_name="qctl",
            auth_plugin_map={} if server.tls else dict.fromkeys(CLEAR_TEXT_PLUGINS, _refuse_clear_text),
            **tls,
        )


def _refuse_clear_text(_connection: Any) -> Any:
    """Refuse a plug-in that would send the password to whoever answers at the address."""
    raise _driver().OperationalError(2061, "it asks for the password in clear text, without TLS")


def _tls(server: MysqlServer) -> ssl.SSLContext:
    """The context that verifies certificates. Raises OSError, and SinkMisconfiguredError for a file of QCTL_DB_CA that
    breaks the ownership rule."""
    violation = find_violation(server.ca) if server.ca else None
    if violation:
        raise SinkMisconfiguredError(f"QCTL_DB_CA is not read, because {violation.text}", violation.fix)
    return ssl.create_default_context(cafile=server.ca)


@contextmanager
def transaction(connection: Any, server: MysqlServer, tables: str) -> Iterator[Any]:
    """Run a transaction on a cursor. Raises as `translate_errors`."""
    with translate_errors(server.at(connection.host), tables):
        try:
            with connection.cursor() as cursor:
                yield cursor
            connection.commit()
        except BaseException:
            with suppress(Exception):  # if the connection is broken, the server rolls back
                connection.rollback()
            raise


def retry_on_contention(run: Callable[[], T], attempts: int) -> T:
    """Call `run` up to `attempts` times while it raises ContentionError. Raises SinkUnavailableError in the end."""
    for attempts_left in reversed(range(attempts)):
        try:
            return run()
        except ContentionError as error:
            if not attempts_left:
                raise SinkUnavailableError(error.message) from error
            time.sleep(random.uniform(0.01, 0.1))
    raise AssertionError("unreachable")


def close(connection: Any) -> None:
    """Close a connection that may be broken. The server rolls back an open transaction."""
    with suppress(Exception):
        connection.close()


@contextmanager
def translate_errors(server: MysqlServer, tables: str = "the tables") -> Iterator[None]:
    """Raise the driver's errors as SinkError, as RejectedError if they are caused by the rows, or as ContentionError.

    `tables` names the tables in hints.
    """
    try:
        yield
    except _driver().MySQLError as error:
        raise _translate(server, tables, error) from error
    except OSError as error:  # the certificate authority cannot be read
        raise SinkMisconfiguredError(f"QCTL_DB_CA cannot be used: {summary(error)}") from error


@contextmanager
def _translate_login_errors(server: MysqlServer) -> Iterator[None]:
    """Raise as SinkError whatever the driver raises about a login that it cannot do, or a server that is none.

    For a plug-in whose package is missing it raises RuntimeError, for replies that it cannot read any error.
    """
    where = server.where
    try:
        yield
    except RuntimeError as error:
        for package, hint in _MISSING_PACKAGES.items():
            if package in str(error):
                text = f"{where} asks for a login that needs a package: {summary(error)}"
                raise SinkMisconfiguredError(text, hint=hint) from error
        raise
    except (ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError, struct.error) as error:
        text = f"{where} sends a reply that the driver cannot read: {type(error).__name__}: {summary(error)}"
        raise SinkMisconfiguredError(text, hint=f"check DB_HOST and DB_PORT; {PLUGIN_HINT}") from error


def _translate(server: MysqlServer, tables: str, error: Any) -> QctlError:
    """Translate a driver's error. An unknown error makes the batch wait, and is shown."""
    number = error.args[0] if error.args and isinstance(error.args[0], int) else 0
    answer = summary(error.args[-1] if error.args else error) or type(error).__name__
    where = server.where
    if number in _CONTENTION:
        return ContentionError(f"{where} is busy: {answer}")
    if number in _BAD_ROW:
        return RejectedError(f"MySQL rejects it: {answer}")
    if isinstance(getattr(error, "original_exception", None), ssl.SSLError):
        return SinkMisconfiguredError(f"{where} has no valid certificate: {answer}", hint=_HINTS[2026])
    if number in _HINTS:
        hint = _HINTS[number].format(tables=tables)
        return SinkMisconfiguredError(f"{where} rejects the request: {answer}", hint=hint)
    return SinkUnavailableError(f"{where} cannot be written to: {answer}")


def _driver() -> Any:
    return extras.load("pymysql", extra="mysql", needed_by="DB_HOST")
