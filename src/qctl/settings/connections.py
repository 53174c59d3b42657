"""Settings of connections: limits that the gateway and the socket batcher share."""

from __future__ import annotations

from qctl.settings import parsers
from qctl.settings.field import SettingsPart, setting
from qctl.settings.parsers import seconds, whole_number


class ConnectionSettings(SettingsPart):
    """Part of `Settings`; not loaded by itself."""

    hosts: tuple[str, ...] = setting(
        "QCTL_HOSTS",
        parsers.host_names,
        group="connections",
        empty=(),
        doc="Names by which the gateway and the socket batcher are reached, comma separated, without port; requests "
        "for others get 421. Addresses, localhost, this machine's name and the hosts of FRONTEND_URL and CLIENT_URL "
        "need no entry",
    )
    trusted_proxies: tuple[str, ...] = setting(
        "QCTL_TRUSTED_PROXIES",
        parsers.networks,
        group="connections",
        empty=(),
        doc="Addresses or networks of proxies before the gateway and the socket batcher, comma separated: 127.0.0.1, "
        "10.0.0.0/8. Their X-Forwarded-For names the client, by which attempts at secrets and connections are limited. "
        "Default: none",
    )
    max_connections: int = setting(
        "QCTL_MAX_CONNECTIONS",
        whole_number(1, 1_000_000),
        "20000",
        group="connections",
        doc="Maximum open connections of a gateway or socket batcher, and no more than its limit of open files allows; "
        "beyond it, one that has sent no request is closed, or the new one answered with 503",
    )
    max_address_connections: int = setting(
        "QCTL_MAX_ADDRESS_CONNECTIONS",
        whole_number(1, 1_000_000),
        "2000",
        group="connections",
        doc="Maximum open connections from one address (of IPv6, one /64 network); more are answered with 503. Proxies "
        "of QCTL_TRUSTED_PROXIES have no limit; it counts for the clients that they name",
    )
    max_unadmitted: int = setting(
        "QCTL_MAX_UNADMITTED",
        whole_number(1, 100_000),
        "1000",
        group="connections",
        doc="Maximum Socket.IO clients of a gateway or socket batcher that have not sent their token yet; beyond it, "
        "the oldest of the address that has the most is disconnected",
    )
    request_timeout: float = setting(
        "QCTL_REQUEST_TIMEOUT",
        seconds(1, 3600),
        "10",
        group="connections",
        doc="Time (s) allowed for the head of a request to arrive, for its body (and 1 s more for each 32 kB), and for "
        "a Socket.IO client to send its token",
    )
    drain_notice: float = setting(
        "QCTL_DRAIN_NOTICE",
        seconds(0, 300),
        "0",
        group="connections",
        doc="Time (s) for which a stopping gateway or socket batcher serves on while its /healthz answers 503, so that "
        "a load balancer sends clients elsewhere before they are refused: longer than it takes to notice",
    )
