"""Addresses that qctl's own servers listen on; two of them cannot have the same."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import NamedTuple

from qctl.errors import SettingsError
from qctl.settings import Settings


class Listener(NamedTuple):
    """A server that these settings start: its name, the setting of its port, and its address."""

    server: str
    setting: str
    host: str
    port: int


def listeners(settings: Settings) -> list[Listener]:
    """The servers that these settings start."""
    servers = []
    if settings.mqtt_enabled and not settings.mqtt_brokers:
        servers.append(Listener("the MQTT broker of `qctl up`", "MQTT_PORT", "127.0.0.1", settings.mqtt_port))
    if settings.socket_enabled:
        name = settings.port_setting("socket-batcher")
        servers.append(Listener("the socket batcher", name, settings.socket_host, settings.socket_port))
    if settings.gateway_enabled and settings.cache_enabled:
        name = settings.port_setting("gateway")
        servers.append(Listener("the gateway", name, settings.gateway_host, settings.gateway_port))
    return servers


def collisions(settings: Settings) -> Iterator[SettingsError]:
    """Find each pair of servers with the same port, whose addresses may be the same one."""
    for one, other in combinations(listeners(settings), 2):
        if one.port == other.port and _may_overlap(one.host, other.host):
            yield SettingsError(
                one.setting,
                f"{one.port} is the port of {one.server} ({one.setting}) and of {other.server} ({other.setting})",
                f"set {other.setting if one.setting == 'PORT' else one.setting} to another port, or choose a profile: "
                "QCTL_PROFILE",
            )


def _may_overlap(one: str, other: str) -> bool:
    """Check whether two hosts may stand for one address. Names are not looked up: they count as the same."""
    addresses = {one, other}
    return len(addresses) == 1 or bool(addresses & {"0.0.0.0", "::"}) or not all(map(_is_address, addresses))  # noqa: S104


def _is_address(host: str) -> bool:
    return ":" in host or host.replace(".", "").isdecimal()
