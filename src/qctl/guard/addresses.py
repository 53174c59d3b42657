"""Client addresses: the part by which a client is limited, and those of trusted proxies."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network

_IPV6_SITE_BITS = 64
"""Bits of an IPv6 address that identify a client: providers assign no less than a /64."""


@lru_cache(10_000)
def site_of(text: str) -> str:
    """The address by which a client is limited: of IPv6 the network that its provider assigned."""
    try:
        address = ip_address(text)
    except ValueError:
        return text
    if not isinstance(address, IPv6Address):
        return text
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(IPv6Address(int(address) >> _IPV6_SITE_BITS << _IPV6_SITE_BITS))


class Proxies:
    """The proxies of QCTL_TRUSTED_PROXIES, given as addresses and networks."""

    def __init__(self, networks: Iterable[str]) -> None:
        self._networks = [ip_network(network) for network in networks]

    def __bool__(self) -> bool:
        return bool(self._networks)

    def __contains__(self, site: str) -> bool:
        if not self._networks:
            return False
        try:
            address = ip_address(site)
        except ValueError:
            return False
        return any(address in network for network in self._networks)
