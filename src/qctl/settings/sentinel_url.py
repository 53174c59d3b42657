"""URLs of a Redis that Sentinel watches: redis+sentinel://user:password@host:26379,host2:26379/SERVICE/DB?options.

The credentials and the database are those of Redis. `sentinel_username` and `sentinel_password` among the options are
those of the Sentinels; all other options hold for both. With `rediss+sentinel` both are reached by TLS.
"""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import quote, unquote

SCHEMES = ("redis+sentinel", "rediss+sentinel")

PORT = 26379
"""Port of a Sentinel that the URL names without one."""

_CREDENTIALS = ("sentinel_username", "sentinel_password")

Address = tuple[str, int]


class SentinelUrl(NamedTuple):
    """The parts of a URL. `service` is the name by which the Sentinels know the primary.

    `credentials` are Redis's as they stand in the URL, with the @, `options` the query without the Sentinels' own.
    """

    scheme: str
    sentinels: tuple[Address, ...]
    service: str
    database: str
    credentials: str
    sentinel_credentials: str
    options: str

    def server(self, address: Address) -> str:
        """The URL of one Redis."""
        return self._plain(address, self.credentials, f"/{self.database or 0}")

    def sentinel(self, address: Address) -> str:
        """The URL of one Sentinel, which speaks Redis's protocol."""
        return self._plain(address, self.sentinel_credentials, "")

    def _plain(self, address: Address, credentials: str, path: str) -> str:
        host = f"[{address[0]}]" if ":" in address[0] else address[0]
        options = f"?{self.options}" if self.options else ""
        return f"{self.scheme}://{credentials}{host}:{address[1]}{path}{options}"


def is_sentinel(url: str) -> bool:
    """True if the URL names Sentinels, and not a Redis."""
    return url.partition("://")[0] in SCHEMES


def parse(url: str) -> SentinelUrl:
    """Parse a URL of one of the `SCHEMES`. Raises ValueError, whose message does not repeat it."""
    scheme, _, rest = url.partition("://")
    if "#" in rest:
        raise ValueError("contains a # instead of %23")
    place, _, query = rest.partition("?")
    location, _, path = place.partition("/")
    credentials, at, hosts = location.rpartition("@")
    service, _, database = path.partition("/")
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,255}", service):
        raise ValueError("does not name the service of the Sentinels: redis+sentinel://host:26379,host2:26379/mymaster")
    if not re.fullmatch(r"[0-9]{0,7}", database):
        raise ValueError("has a database that is not a number: it must end like /mymaster/0")
    pairs = [pair for pair in query.split("&") if pair]
    own = {name: value for name, _, value in (pair.partition("=") for pair in pairs) if name in _CREDENTIALS}
    return SentinelUrl(
        scheme.removesuffix("+sentinel"),
        tuple(parse_address(host, PORT, "Sentinel") for host in hosts.split(",")),
        service,
        database,
        credentials + at,
        _credentials(*(own.get(name, "") for name in _CREDENTIALS)),
        "&".join(pair for pair in pairs if pair.partition("=")[0] not in _CREDENTIALS),
    )


def _credentials(user: str, password: str) -> str:
    if user and not password:
        raise ValueError("has a sentinel_username without a sentinel_password")
    return f"{quote(unquote(user), safe='')}:{quote(unquote(password), safe='')}@" if password else ""


_ADDRESS = re.compile(r"(?:\[(?P<v6>[0-9A-Fa-f:.%]+)\]|(?P<host>[^\s:/@\[\]]{1,253}))(?::(?P<port>[0-9]{1,5}))?")


def parse_address(text: str, default_port: int, noun: str) -> Address:
    """Parse HOST or HOST:PORT. Raises ValueError, which calls it by the `noun`."""
    match = _ADDRESS.fullmatch(text)
    port = int((match and match["port"]) or default_port)
    if match is None or not 0 < port < 65_536:
        raise ValueError(f"has a {noun} that is not HOST or HOST:PORT; separate several by commas")
    return match["v6"] or match["host"], port
