"""Parsers of the addresses of servers. As those of `parsers`, they raise ValueError and never repeat the value."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from qctl.settings.parsers import host, split_list, split_url

MAX_NODES = 16
"""Most servers that one setting may list."""


def server_url(*schemes: str) -> Callable[[str], str]:
    """Parser of the URL of a server: scheme, host, port and path. Credentials have settings of their own."""

    def parse(raw: str) -> str:
        parts = split_url(raw, schemes)
        if "@" in parts.netloc:
            raise ValueError("contains a user or a password, which have settings of their own")
        if parts.query or parts.fragment:
            raise ValueError("has a query or a fragment: only scheme, host, port and path are allowed")
        if not parts.hostname:
            raise ValueError("has no host")
        return raw

    return parse


def server_urls(*schemes: str) -> Callable[[str], tuple[str, ...]]:
    """Parser of the URLs of the nodes of one cluster, comma separated, which are tried in this order.

    They have one scheme: otherwise a password that is meant for an encrypted connection could go over another.
    """
    parse_one = server_url(*schemes)

    def parse(raw: str) -> tuple[str, ...]:
        urls = tuple(parse_one(url) for url in _nodes(raw))
        if len({urlsplit(url).scheme for url in urls}) > 1:
            raise ValueError("mixes schemes: use the same one for all servers")
        return urls

    return parse


def hosts(raw: str) -> tuple[str, ...]:
    """Parse the names or addresses of the nodes of one cluster, comma separated, which are tried in this order."""
    return tuple(host(name) for name in _nodes(raw))


def _nodes(raw: str) -> list[str]:
    nodes = split_list(raw)
    if not nodes:
        raise ValueError("names no server")
    if len(nodes) > MAX_NODES:
        raise ValueError(f"names more than {MAX_NODES} servers")
    return nodes
