"""Settings that belong together: the address of a server, and the credentials and encryption used for it.

All of them come from the source that sets the address. Otherwise a password of the environment would go to the host
that the `.env` of some folder names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from qctl.errors import SettingsError


class Source(NamedTuple):
    """Values from one source. `name` is shown to people: `flag`, `environment`, `.env`."""

    name: str
    values: Mapping[str, str | None]


class Server(NamedTuple):
    """Names of settings: `addresses`, of which one is enough, and `others`, which are used for that address only.

    With the address `complete`, a URL that contains the rest, the others are not used.
    """

    addresses: tuple[str, ...]
    others: tuple[str, ...]
    complete: str = ""


REDIS = Server(("REDIS_URL", "REDIS_HOST"), ("REDIS_PORT", "REDIS_PASSWORD", "REDIS_DB"), complete="REDIS_URL")

SERVERS = (
    REDIS,
    Server(("MQTT_BROKER",), ("MQTT_USERNAME", "MQTT_PASSWORD", "QCTL_MQTT_CA")),
    Server(("DB_HOST",), ("DB_PORT", "DB_USER", "DB_PASSWORD", "QCTL_DB_TLS", "QCTL_DB_CA")),
    Server(("MONGODB_URI",), (), complete="MONGODB_URI"),
    Server(("INFLUX_URL",), ("INFLUX_TOKEN",)),
    Server(("SMTP_HOST",), ("SMTP_PORT", "SMTP_USER", "SMTP_PASSWORD", "SMTP_SECURITY")),
    Server(("QCTL_S3_URL",), ("QCTL_S3_KEY_ID", "QCTL_S3_SECRET_KEY")),
    Server(("QCTL_SOURCES",), ("QCTL_SOURCE_TOKENS",)),
)

_SERVER_OF: Mapping[str, Server] = {name: server for server in SERVERS for name in (*server.addresses, *server.others)}


def usable_sources(name: str, sources: Sequence[Source]) -> Sequence[Source]:
    """The sources that may set a setting: all, or only the one that sets the address of its server."""
    server = _SERVER_OF.get(name)
    addressing = _addressing(server, sources) if server else None
    return sources if addressing is None else (addressing,)


def mixed_servers(sources: Sequence[Source]) -> list[SettingsError]:
    """List the settings of servers whose source sets no address, although another source does.

    The settings of a source with an address of its own belong to that one: they are ignored.
    """
    return [error for server in SERVERS for error in _mixed(server, sources)]


def _mixed(server: Server, sources: Sequence[Source]) -> list[SettingsError]:
    chosen = _addressing(server, sources)
    address = next((name for name in server.addresses if chosen and chosen.values.get(name)), server.complete)
    if chosen is None or address == server.complete:
        return []
    homeless = [source for source in sources if not any(source.values.get(name) for name in server.addresses)]
    return [
        SettingsError(
            name,
            f"is set by {source.name}, but {address} by {chosen.name}; both must come from one source",
            f"set {address} and {name} together, or unset {name}",
        )
        for source in homeless
        for name in server.others
        if source.values.get(name)
    ]


def _addressing(server: Server, sources: Sequence[Source]) -> Source | None:
    """The first source that sets the address of a server."""
    return next((source for source in sources if any(source.values.get(name) for name in server.addresses)), None)
