"""URLs of Redis Cluster: redis+cluster://user:password@host:6379,host2:6379/?options.

The nodes named are those that are asked for the others; two or three are enough. The credentials and options hold for
every node. With `rediss+cluster` all are reached by TLS.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from qctl.settings.sentinel_url import Address, parse_address

SCHEMES = ("redis+cluster", "rediss+cluster")

PORT = 6379
"""Port of a node that the URL names without one."""


class ClusterUrl(NamedTuple):
    """The parts of a URL. `credentials` stand as they do in the URL, with the @; `options` are the query."""

    scheme: str
    nodes: tuple[Address, ...]
    credentials: str
    options: str

    def node(self, address: Address) -> str:
        """The URL of one node."""
        host = f"[{address[0]}]" if ":" in address[0] else address[0]
        options = f"?{self.options}" if self.options else ""
        return f"{self.scheme}://{self.credentials}{host}:{address[1]}/0{options}"


def is_cluster(url: str) -> bool:
    """True if the URL names nodes of a Redis Cluster."""
    return url.partition("://")[0] in SCHEMES


def parse(url: str) -> ClusterUrl:
    """Parse a URL of one of the `SCHEMES`. Raises ValueError, whose message does not repeat it."""
    scheme, _, rest = url.partition("://")
    if "#" in rest:
        raise ValueError("contains a # instead of %23")
    place, _, options = rest.partition("?")
    location, _, path = place.partition("/")
    pairs = [pair for pair in options.split("&") if pair]
    databases = [path, *(value for name, _, value in (pair.partition("=") for pair in pairs) if name == "db")]
    if any(not re.fullmatch("0*", database) for database in databases):
        raise ValueError("names a database, and Redis Cluster has only 0: use another QUEUE_PREFIX instead")
    credentials, at, hosts = location.rpartition("@")
    return ClusterUrl(
        scheme.removesuffix("+cluster"),
        tuple(parse_address(host, PORT, "node") for host in hosts.split(",")),
        credentials + at,
        "&".join(pair for pair in pairs if pair.partition("=")[0] != "db"),
    )
