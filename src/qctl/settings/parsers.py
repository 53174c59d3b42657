"""Parsers of settings: each turns the text of the environment into a value, or raises ValueError.

Messages continue after the value (`'abc' is not a whole number`) and never repeat it, because it may be a secret.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from qctl.settings import cluster_url, sentinel_url

if TYPE_CHECKING:
    from qctl.models.pools import PoolSize

TRUE = {"1", "true", "yes", "on"}
FALSE = {"0", "false", "no", "off"}

MAX_MQTT_STRING_BYTES = 65_535
"""Limit of the length field of a string in MQTT."""

MAX_CLIENT_ID_BYTES = 128
"""Limit for an MQTT client id: below MQTT's own limit, because cloud brokers refuse longer ones."""


MIN_KEY_BYTES = 32
"""Shortest key: the length of the hash that it signs by (RFC 7518, section 3.2)."""

MIN_KEY_CHARACTERS = 10
"""Fewest distinct characters of a key. 32 random bytes in hexadecimal nearly always have 14 to 16."""

_EXAMPLE_KEY = re.compile(r"your[-_ ]|change[-_ ]?(this|me|it)\b|secret[-_ ]key", re.IGNORECASE)


def text(raw: str) -> str:
    """Parse one line of text without control characters."""
    if any(ord(c) < 32 or 127 <= ord(c) < 160 for c in raw):
        raise ValueError("contains a control character")
    if any("\ud800" <= c <= "\udfff" for c in raw):
        raise ValueError("is not valid UTF-8")
    return raw


def signing_key(raw: str) -> str:
    """Parse a key or token that others could guess: long, of many characters, and no example."""
    if problem := weakness(raw):
        raise ValueError(f"{problem}; create a key with: openssl rand -hex 32")
    return text(raw)


def weakness(key: str) -> str | None:
    """The reason why a key could be guessed, None if it is strong."""
    if len(key.encode(errors="surrogatepass")) < MIN_KEY_BYTES:
        return f"is shorter than {MIN_KEY_BYTES} bytes"
    if _EXAMPLE_KEY.search(key):
        return "is an example from documentation"
    if len(set(key)) < MIN_KEY_CHARACTERS:
        return f"has fewer than {MIN_KEY_CHARACTERS} distinct characters"
    return None


def networks(raw: str) -> tuple[str, ...]:
    """Parse addresses and networks, comma separated: 127.0.0.1, 10.0.0.0/8, ::1."""
    from ipaddress import ip_network  # only if the setting is used

    listed = tuple(split_list(raw))
    try:
        for each in listed:
            ip_network(each)
    except ValueError:
        raise ValueError("is not a list of addresses or networks: 127.0.0.1, 10.0.0.0/8") from None
    return listed


def boolean(raw: str) -> bool:
    """Parse true or false, also as 1/0, yes/no or on/off."""
    if raw.lower() in TRUE:
        return True
    if raw.lower() in FALSE:
        return False
    raise ValueError("is not true or false")


def context_name(raw: str) -> str:
    """Parse the name of a context: a bare key of TOML, with dots."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", raw):
        raise ValueError("is not the name of a context: 1 to 64 letters, digits, . _ -")
    return raw


def theme_name(raw: str) -> str:
    """Parse the name of a theme of the monitor. Which ones there are is known to the monitor."""
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+){0,5}", raw) or len(raw) > 64:
        raise ValueError("is not the name of a theme: lower-case words with hyphens between them")
    return raw


def whole_number(low: int, high: int) -> Callable[[str], int]:
    """Parser of a whole number from `low` to `high`."""

    def parse(raw: str) -> int:
        if not re.fullmatch(r"[+-]?[0-9]{1,30}", raw.strip()):
            raise ValueError("is not a whole number")
        value = int(raw)
        if not low <= value <= high:
            raise ValueError(f"is not between {low} and {high}")
        return value

    return parse


def seconds(low: float, high: float) -> Callable[[str], float]:
    """Parser of a number of seconds from `low` to `high`, with or without a fraction."""

    def parse(raw: str) -> float:
        if not re.fullmatch(r"[+-]?([0-9]{1,30}\.?[0-9]{0,30}|\.[0-9]{1,30})", raw.strip()):
            raise ValueError("is not a number of seconds")
        value = float(raw)
        if not low <= value <= high:
            raise ValueError(f"is not between {low:g} and {high:g} seconds")
        return value

    return parse


def one_of(*names: str) -> Callable[[str], str]:
    """Parser of one of these words, in any case."""

    def parse(raw: str) -> str:
        if raw.lower() not in names:
            raise ValueError(f"is not one of {', '.join(names)}")
        return raw.lower()

    return parse


def list_of(*names: str) -> Callable[[str], tuple[str, ...]]:
    """Parser of a list of these words, comma separated, in any case."""

    def parse(raw: str) -> tuple[str, ...]:
        words = tuple(part.lower() for part in split_list(raw))
        for word in words:
            if word not in names:
                raise ValueError(f"contains {word[:40]!r}, which is not one of {', '.join(names)}")
        return words

    return parse


def split_list(raw: str) -> list[str]:
    """Split a comma-separated list; empty elements are dropped."""
    return [part for piece in raw.split(",") if (part := piece.strip())]


def split_url(raw: str, schemes: tuple[str, ...]) -> SplitResult:
    if " " in text(raw):
        raise ValueError("contains a space")
    try:
        parts = urlsplit(raw)
        port = parts.port
    except ValueError:
        raise ValueError(
            "is not a URL: its port is not a number up to 65535, or its password contains / ? # instead of %2F %3F %23"
        ) from None
    if parts.scheme not in schemes:
        raise ValueError(f"does not start with {' or '.join(scheme + '://' for scheme in schemes)}")
    if port == 0:
        raise ValueError("has port 0")
    return parts


def origins(raw: str) -> tuple[str, ...]:
    """Parse origins of web pages, comma separated: scheme, host and port without a path; * is any."""
    parsed = tuple(part for piece in split_list(raw) if (part := piece.strip("\"'").rstrip("/")))
    for origin in parsed:
        if origin == "*":
            continue
        parts = split_url(origin, ("http", "https"))
        if not parts.hostname or "@" in parts.netloc or parts.path or parts.query or parts.fragment:
            raise ValueError("is not a list of origins: http://localhost:5173,https://app.example")
    return parsed


def webhooks(raw: str) -> tuple[str, ...]:
    """Parse URLs of webhooks, comma separated: without credentials, query and fragment."""
    urls = tuple(url.rstrip("/") for url in split_list(raw))
    for url in urls:
        parts = split_url(url, ("https", "http"))
        if not parts.hostname or "@" in parts.netloc or parts.query or parts.fragment:
            raise ValueError("is not a list of URLs: https://hooks.example/team")
    return urls


def mongodb_uri(raw: str) -> str:
    """Parse a URI mongodb:// or mongodb+srv://, which may name several hosts. The driver checks the rest."""
    if not re.match(r"mongodb(\+srv)?://[^\s/?#]", text(raw)) or " " in raw:
        raise ValueError("does not start with mongodb:// or mongodb+srv:// and a host, or contains a space")
    return raw


def redis_url(raw: str) -> str:
    """Parse a URL redis://, rediss:// or unix:// as redis-py does, or one of Sentinels or of Redis Cluster."""
    for names_several, parse in (
        (sentinel_url.is_sentinel, sentinel_url.parse),
        (cluster_url.is_cluster, cluster_url.parse),
    ):
        if names_several(text(raw)):
            if " " in raw:
                raise ValueError("contains a space")
            parse(raw)
            return raw
    parts = split_url(raw, ("redis", "rediss", "unix"))
    if parts.fragment:
        raise ValueError("contains a # instead of %23")
    if parts.scheme == "unix":
        if parts.hostname or len(parts.path) < 2:
            raise ValueError("has no absolute path of a socket: unix:///run/redis.sock")
        return raw
    if not parts.hostname:
        raise ValueError("has no host")
    # redis-py uses database 0 if it cannot parse the number.
    if not re.fullmatch(r"/?[0-9]{0,7}", parts.path):
        raise ValueError("has a database that is not a number: it must end like /0")
    return raw


def host(raw: str) -> str:
    """Parse the name or address of a host, without scheme and port."""
    if ":" in raw:
        from ipaddress import (
            IPv6Address,  # most settings name a host, and every completion in a shell loads this module
        )

        try:
            return str(IPv6Address(raw))
        except ValueError:
            pass
    if not re.fullmatch(r"[^\s/@:?#\[\]]{1,253}", text(raw)):
        raise ValueError("is not the name of a host (without scheme, user and port)")
    return raw


def host_names(raw: str) -> tuple[str, ...]:
    """Parse names of hosts, comma separated, without scheme and port."""
    return tuple(host(name) for name in split_list(raw))


def is_loopback(host: str) -> bool:
    """Tell whether an address to listen on is reached from this machine alone."""
    return host in ("localhost", "::1") or re.fullmatch(r"127(\.[0-9]{1,3}){3}", host) is not None


def job_patterns(raw: str) -> tuple[str, ...]:
    """Parse dotted names of functions, comma separated, with * as wildcard in all parts but the first.

    A wildcard stays within its part, and matches no name that begins with _.
    """
    patterns = tuple(split_list(raw))
    for pattern in patterns:
        first, *rest = pattern.split(".")
        if not first.isidentifier() or not rest:
            # A wildcard there would let every client that can write to Redis run any installed function.
            raise ValueError("must start with your own package: myapp.tasks.*")
        if not all(part.replace("*", "x").isidentifier() for part in rest):
            raise ValueError("is not a list of dotted names: myapp.tasks.*, other.report")
        if any(part.startswith("_") for part in (first, *rest)):
            raise ValueError("has a part that begins with _, which is private to its module")
    return patterns


def job_names(raw: str) -> tuple[str, ...]:
    """Parse names of jobs, comma separated, with * as wildcard."""
    names = tuple(split_list(raw))
    if not all(re.fullmatch(r"[A-Za-z0-9_.:*-]{1,100}", name) for name in names):
        raise ValueError("is not a list of job names: letters, digits, _ . : * -")
    return names


def command_words(raw: str) -> tuple[str, ...]:
    """Parse commands, comma separated: retry, dlq retry."""
    commands = tuple(" ".join(piece.split()) for piece in split_list(raw))
    if not all(re.fullmatch(r"[a-z]+( [a-z]+)?", command) for command in commands):
        raise ValueError("is not a list of commands: retry, dlq retry")
    return commands


def module_names(raw: str) -> tuple[str, ...]:
    """Parse dotted names of modules, comma separated."""
    names = tuple(split_list(raw))
    if not all(part.isidentifier() for name in names for part in name.split(".")):
        raise ValueError("is not a list of modules: myapp.jobs, other")
    return names


def timezone(raw: str) -> str:
    """Parse the name of a time zone: Europe/Berlin."""
    if raw == "UTC":  # the default: a lookup would slow the loading of settings by a tenth
        return raw
    from zoneinfo import ZoneInfo

    try:
        ZoneInfo(raw)
    except (KeyError, ValueError, OSError):
        raise ValueError("is not the name of a time zone: Europe/Berlin") from None
    return raw


def cron(raw: str) -> str | None:
    """Parse five fields of cron; None for `off`. The scheduler checks the fields themselves."""
    if raw.strip().lower() == "off":
        return None
    if not re.fullmatch(r"[0-9A-Za-z*,/#?LW -]{9,200}", raw.strip()) or len(raw.split()) != 5:
        raise ValueError("is neither off nor five fields minute hour day month weekday: 0 3 * * *")
    return " ".join(raw.split())


def path(raw: str) -> Path:
    """Parse the path of a file or a folder; ~ is the home folder of the user."""
    try:
        return Path(text(raw)).expanduser().absolute()
    except RuntimeError:
        raise ValueError("starts with the home folder of an unknown user") from None


def find_obstacle(path: Path) -> Path | None:
    """Find the file at `path` or above it that prevents a folder there. None if there is none."""
    for place in (path, *path.parents):
        if os.path.isdir(place):
            return None
        if os.path.lexists(place):
            return place
    return None


def memory(raw: str) -> str:
    """Parse an amount of memory in Redis's notation: 1gb, 512mb; 0 is no limit."""
    if not re.fullmatch(r"[0-9]{1,15}(b|kb?|mb?|gb?)?", raw.lower()):
        raise ValueError("is not an amount of memory: 512mb, 1gb")
    return raw.lower()


def topic_filter(raw: str) -> str:
    """Parse an MQTT topic filter: + is any one level, # all levels at the end."""
    if len(text(raw).encode()) > MAX_MQTT_STRING_BYTES:
        raise ValueError(f"is longer than {MAX_MQTT_STRING_BYTES} bytes")
    levels = raw.split("/")
    if levels[0] == "$share":
        if len(levels) < 3 or not levels[1] or not "/".join(levels[2:]):
            raise ValueError("is not of the form $share/GROUP/FILTER")
        if "+" in levels[1] or "#" in levels[1]:
            raise ValueError("has a wildcard in its group name")
        levels = levels[2:]
    if any("#" in level for level in levels[:-1]) or ("#" in levels[-1] and levels[-1] != "#"):
        raise ValueError("has a # that is not alone in the last level")
    if any("+" in level and level != "+" for level in levels):
        raise ValueError("has a + that is not alone in its level")
    return raw


def system_topic_filter(raw: str) -> str:
    """Parse a topic filter below $SYS."""
    if not topic_filter(raw).startswith("$SYS/"):
        raise ValueError("does not begin with $SYS/")
    return raw


def topic_pattern(raw: str) -> str:
    """Parse a pattern of MQTT topics: levels {device} and other names, + for any, ... at the end for more."""
    levels = text(raw).removesuffix("/...").split("/")
    names = [level[1:-1] for level in levels if level.startswith("{") and level.endswith("}")]
    if "device" not in names:
        raise ValueError("has no level {device}")
    if len(set(names)) != len(names) or set(names) & {"topic", "time"}:
        raise ValueError("has a name twice, or a reserved name: {topic}, {time}")
    if not all(re.fullmatch(r"[a-z][a-z0-9_]{0,30}", name) for name in names):
        raise ValueError("has a name that is not lower-case letters, digits, _")
    if any(level != "+" and re.search(r"[+#{}]|\.\.\.", level) for level in levels if level[1:-1] not in names):
        raise ValueError("has + # { } or ... outside {name}, a level + or the end /...")
    return raw


def client_id(raw: str) -> str:
    """Parse an MQTT client id."""
    if len(text(raw).encode()) > MAX_CLIENT_ID_BYTES:
        raise ValueError(f"is longer than {MAX_CLIENT_ID_BYTES} bytes")
    return raw


def pool_size(raw: str) -> PoolSize:
    """Parse the number of processes of a pool."""
    from qctl.models.pools import PoolSize  # its module takes longer to import than this one, and few set it

    return PoolSize.parse(raw)
