"""The MySQL sink over TLS: with a valid certificate only."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from contract.messages import message
from qctl.databases.mysql import MysqlServer
from qctl.errors import SinkMisconfiguredError
from qctl.sinks.base import ReopeningSink
from qctl.sinks.mysql import MysqlSink
from support.databases import MariaDb


@pytest.fixture
def server(mariadb: MariaDb) -> MysqlServer:
    """The server of the test's database."""
    return MysqlServer(("127.0.0.1",), mariadb.port, mariadb.user, mariadb.password, mariadb.database)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for 127.0.0.1; its key is in the same folder."""
    folder = tmp_path_factory.mktemp("tls")
    command = (
        "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1"
    )
    files = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    subprocess.run([*command.split(), *files], check=True, stderr=subprocess.DEVNULL)
    return folder / "cert.pem"


def test_tls_setting_requires_a_valid_certificate(server: MysqlServer, tmp_path: Path, certificate: Path) -> None:
    db = MariaDb(tmp_path, f"--ssl-cert={certificate}", f"--ssl-key={certificate.with_name('key.pem')}")
    trusting = replace(server, port=db.port, tls=True, ca=certificate)
    with db:
        db.run("ALTER USER qctl@'127.0.0.1' REQUIRE SSL")
        assert ReopeningSink(MysqlSink(trusting)).write([message("a", 0)]) == []
        with pytest.raises(SinkMisconfiguredError, match="has no valid certificate") as raised:
            MysqlSink(replace(trusting, ca=None)).open()
        assert raised.value.hint == "check QCTL_DB_TLS"
        with pytest.raises(SinkMisconfiguredError, match="has no valid certificate"):
            MysqlSink(replace(trusting, hosts=("localhost",))).open()
        with pytest.raises(SinkMisconfiguredError, match="QCTL_DB_CA cannot be used"):
            MysqlSink(replace(trusting, ca=tmp_path / "none.pem")).open()


def test_missing_tls_is_misconfigured(server: MysqlServer) -> None:
    with pytest.raises(SinkMisconfiguredError, match="SSL") as raised:
        MysqlSink(replace(server, tls=True)).open()
    assert raised.value.hint == "check QCTL_DB_TLS"
