"""Several hosts of one database: the first that takes writes is used, and another when that one dies."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from contract.messages import messages
from qctl.databases import mysql
from qctl.databases.mysql import MysqlServer
from qctl.errors import SinkMisconfiguredError, SinkUnavailableError
from qctl.sinks.base import ReopeningSink
from qctl.sinks.mysql import MysqlSink
from support.databases import MariaDb

OTHER = "127.0.0.2"
"""The address of the second server. Both have one port, as the nodes of a site do."""


@pytest.fixture
def other_mariadb(tmp_path: Path, own_mariadb: MariaDb) -> Iterator[MariaDb]:
    """A second server with the port of the first."""
    folder = tmp_path / "other"
    folder.mkdir()
    with MariaDb(folder, host=OTHER, port=own_mariadb.port) as server:
        yield server


def server_of(db: MariaDb, *hosts: str) -> MysqlServer:
    return MysqlServer(hosts, db.port, db.user, db.password, db.database)


def count(db: MariaDb) -> int:
    return int(db.run("SELECT COUNT(*) FROM messages")[0][0])


@pytest.mark.kill
def test_writes_go_to_the_first_host_that_takes_them(own_mariadb: MariaDb, other_mariadb: MariaDb) -> None:
    own_mariadb.run("SET GLOBAL read_only = ON")
    with closing(ReopeningSink(MysqlSink(server_of(own_mariadb, own_mariadb.host, OTHER)))) as sink:
        assert sink.write(messages("a", 10)) == []
        assert count(other_mariadb) == 10
        other_mariadb.run("SET GLOBAL read_only = ON")
        own_mariadb.run("SET GLOBAL read_only = OFF")
        with pytest.raises(SinkUnavailableError, match=f"at {OTHER}:.*read-only"):
            sink.write(messages("b", 10))
        assert sink.write(messages("b", 10)) == []
        assert count(own_mariadb) == 10
        other_mariadb.run("SET GLOBAL read_only = OFF")
        own_mariadb.kill()
        with pytest.raises(SinkUnavailableError):
            sink.write(messages("c", 10))
        assert sink.write(messages("c", 10)) == []
        assert count(other_mariadb) == 20


def test_the_error_names_the_reason_of_each_host(own_mariadb: MariaDb) -> None:
    own_mariadb.run("SET GLOBAL read_only = ON")
    with pytest.raises(SinkUnavailableError) as raised:
        mysql.connect(server_of(own_mariadb, OTHER, own_mariadb.host))
    refused, read_only = raised.value.message.split("; ")
    assert f"MySQL at {OTHER}:{own_mariadb.port} cannot be written to: Can't connect" in refused
    assert read_only == f"MySQL at 127.0.0.1:{own_mariadb.port} takes no writes: read_only is on"


def test_a_password_that_every_host_refuses_is_misconfigured(own_mariadb: MariaDb) -> None:
    server = replace(server_of(own_mariadb, own_mariadb.host, "localhost"), password="wrong")
    with pytest.raises(SinkMisconfiguredError, match="Access denied"):
        mysql.connect(server)
