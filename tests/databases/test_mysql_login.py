"""Logins that the driver of MySQL cannot do: one line says what to do, and the pipeline is paused until then."""

from __future__ import annotations

import re

import pytest
from pymysql import _auth

from qctl.databases import mysql
from qctl.databases.mysql import MysqlServer
from qctl.errors import SinkMisconfiguredError
from support.databases import MysqlLogin


@pytest.mark.parametrize(
    ("plugin", "hint"),
    [
        ("client_ed25519", r"pip install 'PyMySQL\[ed25519\]'"),
        ("caching_sha2_password", r"pip install 'PyMySQL\[rsa\]'.*QCTL_DB_TLS=true"),
        ("parsec", "let DB_USER log in by"),
        ("dialog", "QCTL_DB_TLS=true"),
        ("mysql_clear_password", "QCTL_DB_TLS=true"),
        ("auth_gssapi_client", "let DB_USER log in by"),
        ("", "let DB_USER log in by"),
    ],
)
def test_login_that_the_driver_cannot_do_names_the_next_step(
    plugin: str, hint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing() -> None:
        raise RuntimeError("'pynacl' package is required for ed25519_password auth method")

    monkeypatch.setattr(_auth, "_nacl_bindings", False)
    monkeypatch.setattr(_auth, "_init_nacl", missing)
    monkeypatch.setattr(_auth, "_have_cryptography", False)
    with MysqlLogin(plugin) as server, pytest.raises(SinkMisconfiguredError) as refused:
        mysql.connect(MysqlServer(("127.0.0.1",), server.port, "u", "secret", "d"))
    assert re.search(hint, refused.value.hint or "")
    assert "\n" not in refused.value.message
    assert "secret" not in refused.value.message
