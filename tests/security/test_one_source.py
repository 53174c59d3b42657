"""Address and credentials of a server come from one source."""

from __future__ import annotations

from pathlib import Path

import pytest

from qctl.errors import SettingsError
from qctl.settings import Settings
from qctl.settings.servers import SERVERS, Source
from qctl.settings.sources import resolve

VALUES = {
    "REDIS_HOST": "h",
    "REDIS_URL": "redis://h/0",
    "REDIS_PASSWORD": "hunter2",
    "REDIS_PORT": "7",
    "REDIS_DB": "7",
    "MQTT_BROKER": "mqtt://h",
    "MQTT_USERNAME": "u",
    "MQTT_PASSWORD": "hunter2",
    "QCTL_MQTT_CA": "/ca",
    "DB_HOST": "h",
    "DB_PORT": "7",
    "DB_USER": "u",
    "DB_PASSWORD": "hunter2",
    "QCTL_DB_TLS": "true",
    "QCTL_DB_CA": "/ca",
    "INFLUX_URL": "http://h",
    "INFLUX_TOKEN": "hunter2",
    "SMTP_HOST": "h",
    "SMTP_PORT": "7",
    "SMTP_USER": "u",
    "SMTP_PASSWORD": "hunter2",
    "SMTP_SECURITY": "none",
    "QCTL_S3_URL": "http://h",
    "QCTL_S3_KEY_ID": "hunter2",
    "QCTL_S3_SECRET_KEY": "hunter2",
    "QCTL_SOURCES": "a=http://h/x",
    "QCTL_SOURCE_TOKENS": "a=hunter2",
}

PAIRS = [
    (address, name)
    for server in SERVERS
    for address in server.addresses
    for name in server.others
    if address != server.complete
]

OWN_SECRETS = {
    *("SOCKET_TOKEN", "SECRET_KEY", "QCTL_GATEWAY_SECRET", "QUEUE_ADMIN_KEY", "QCTL_READINGS_TOKEN", "QCTL_PUSH_KEY"),
}
"""Secrets that clients show to qctl, or by which it signs: it sends them to nobody."""


def test_every_secret_belongs_to_a_server_or_is_never_sent() -> None:
    """If this fails for a new setting: add it to its server in settings/servers.py, or to OWN_SECRETS."""
    secrets = {spec.env for spec in Settings.specs() if spec.secret}
    of_servers = {name for server in SERVERS for name in (*server.addresses, *server.others)}
    assert secrets - of_servers - OWN_SECRETS == set()


@pytest.mark.parametrize(("address", "name"), PAIRS)
def test_credentials_are_used_for_the_address_of_their_source_only(address: str, name: str) -> None:
    server = next(server for server in SERVERS if address in server.addresses)
    here, there = Source("environment", {name: VALUES[name]}), Source(".env", {address: VALUES[address]})
    for sources in ([here, there], [Source("flag", there.values), here]):
        with pytest.raises(SettingsError, match=f"{name}: is set by environment, but {address} by ") as caught:
            Settings.from_sources(sources)
        assert "hunter2" not in str(caught.value)
        shown = {value.name: value.origin for value in resolve(Settings.specs(), sources)}
        assert [shown[other] for other in server.others] == ["default"] * len(server.others)


@pytest.mark.parametrize(("address", "name"), PAIRS)
def test_a_source_with_an_address_keeps_its_credentials_to_itself(address: str, name: str) -> None:
    other = Source(".env", {address: VALUES[address], name: VALUES[name]})
    sources = [Source("environment", {address: VALUES[address]}), other]
    shown = {value.name: value.origin for value in resolve(Settings.specs(), sources)}
    assert (shown[address], shown[name]) == ("environment", "default")
    alone = {value.name: value.origin for value in resolve(Settings.specs(), [other])}
    assert alone[name] == ".env"


def test_a_url_with_everything_needs_nothing_else(tmp_path: Path) -> None:
    """Programs beside qctl may need REDIS_PASSWORD in the environment."""
    (tmp_path / ".env").write_text("REDIS_URL=redis://h/0\n")
    environ = {"REDIS_PASSWORD": "hunter2"}
    assert Settings.load(environ=environ, dotenv=tmp_path / ".env").redis_target == "redis://h/0"
