"""The kinds of value that a setting can have: each reads the text of the environment, or raises ValueError.

Messages go on from the value (`'abc' is not a whole number`) and never repeat it: it may be a secret.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

TRUE = {"1", "true", "yes", "on"}
FALSE = {"0", "false", "no", "off"}

MAX_MQTT_STRING_BYTES = 65_535
"""Bytes that the length field of a string in MQTT can count."""

MAX_CLIENT_ID_BYTES = 128
"""Bytes of an MQTT client id: fewer than MQTT's own limit, as brokers in the cloud refuse longer ones."""


def text(raw: str) -> str:
    """One line of text without control characters."""
    if any(ord(c) < 32 or 127 <= ord(c) < 160 for c in raw):
        raise ValueError("has a control character in it")
    if any("\ud800" <= c <= "\udfff" for c in raw):
        raise ValueError("is not valid UTF-8")
    return raw


def boolean(raw: str) -> bool:
    """true or false, in the usual spellings."""
    if raw.lower() in TRUE:
        return True
    if raw.lower() in FALSE:
        return False
    raise ValueError("is not true or false")


def context_name(raw: str) -> str:
    """The name of a context: what a table of a TOML file may be called without quotes, and a dot."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", raw):
        raise ValueError("is not the name of a context: letters, digits, . _ and - alone")
    return raw


def whole_number(low: int, high: int) -> Callable[[str], int]:
    """A whole number from `low` to `high`."""

    def parse(raw: str) -> int:
        if not re.fullmatch(r"[+-]?[0-9]{1,30}", raw.strip()):
            raise ValueError("is not a whole number")
        value = int(raw)
        if not low <= value <= high:
            raise ValueError(f"is not between {low} and {high}")
        return value

    return parse


def seconds(low: float, high: float) -> Callable[[str], float]:
    """A number of seconds from `low` to `high`, with or without a fraction."""

    def parse(raw: str) -> float:
        if not re.fullmatch(r"[+-]?([0-9]{1,30}\.?[0-9]{0,30}|\.[0-9]{1,30})", raw.strip()):
            raise ValueError("is not a number of seconds")
        value = float(raw)
        if not low <= value <= high:
            raise ValueError(f"is not between {low:g} and {high:g} seconds")
        return value

    return parse


def one_of(*names: str) -> Callable[[str], str]:
    """One of some words, in any case."""

    def parse(raw: str) -> str:
        if raw.lower() not in names:
            raise ValueError(f"is not one of {', '.join(names)}")
        return raw.lower()

    return parse


def list_of(*names: str) -> Callable[[str], tuple[str, ...]]:
    """Some of these words, comma separated, in any case."""

    def parse(raw: str) -> tuple[str, ...]:
        given = tuple(part for part in (piece.strip().lower() for piece in raw.split(",")) if part)
        for part in given:
            if part not in names:
                raise ValueError(f"has {part[:40]!r} in it, which is not one of {', '.join(names)}")
        return given

    return parse


def _split(raw: str, schemes: tuple[str, ...]) -> SplitResult:
    if " " in text(raw):
        raise ValueError("has a space in it")
    try:
        parts = urlsplit(raw)
        port = parts.port
    except ValueError:
        raise ValueError(
            "is not a URL: its port is no number up to 65535, or its password has / ? # not written %2F %3F %23"
        ) from None
    if parts.scheme not in schemes:
        raise ValueError(f"does not begin with {' or '.join(s + '://' for s in schemes)}")
    if port == 0:
        raise ValueError("has port 0")
    return parts


def server_url(*schemes: str) -> Callable[[str], str]:
    """A URL of a server: scheme, host, port and path. Credentials have settings of their own."""

    def parse(raw: str) -> str:
        parts = _split(raw, schemes)
        if "@" in parts.netloc:
            raise ValueError("has a user or a password in it: they have settings of their own")
        if parts.query or parts.fragment:
            raise ValueError("has more after its path: only scheme, host, port and path are used")
        if not parts.hostname:
            raise ValueError("names no host")
        return raw

    return parse


def origins(raw: str) -> tuple[str, ...]:
    """Origins of web pages, comma separated: scheme, host and port without a path. * is every one."""
    found = tuple(part.rstrip("/") for part in (piece.strip().strip("\"'") for piece in raw.split(",")) if part)
    for origin in found:
        if origin == "*":
            continue
        parts = _split(origin, ("http", "https"))
        if not parts.hostname or "@" in parts.netloc or parts.path or parts.query or parts.fragment:
            raise ValueError("is not a list of origins, such as http://localhost:5173,https://app.example")
    return found


def webhooks(raw: str) -> tuple[str, ...]:
    """URLs of web hooks, comma separated: without credentials, query and fragment."""
    found = tuple(part.rstrip("/") for part in (piece.strip() for piece in raw.split(",")) if part)
    for url in found:
        parts = _split(url, ("https", "http"))
        if not parts.hostname or "@" in parts.netloc or parts.query or parts.fragment:
            raise ValueError("is not a list of URLs, such as https://hooks.example/team")
    return found


def mongodb_uri(raw: str) -> str:
    """mongodb:// or mongodb+srv://, as the driver reads it: it may name several hosts."""
    if not re.match(r"mongodb(\+srv)?://[^\s/?#]", text(raw)) or " " in raw:
        raise ValueError("does not begin with mongodb:// or mongodb+srv:// and a host, or has a space in it")
    return raw


def redis_url(raw: str) -> str:
    """redis://, rediss:// or unix://, as redis-py reads them."""
    parts = _split(raw, ("redis", "rediss", "unix"))
    if parts.fragment:
        raise ValueError("has a # in it, which is written %23")
    if parts.scheme == "unix":
        if parts.hostname or len(parts.path) < 2:
            raise ValueError("names no socket: a whole path comes after unix://, as in unix:///run/redis.sock")
        return raw
    if not parts.hostname:
        raise ValueError("names no host")
    # redis-py takes database 0 where it cannot read the number.
    if not re.fullmatch(r"/?[0-9]{0,7}", parts.path):
        raise ValueError("has a database that is no number: it ends like /0")
    return raw


def host(raw: str) -> str:
    """The name or address of a host, without scheme and port."""
    if ":" in raw:
        from ipaddress import IPv6Address  # most name a host, and every tab in a shell loads this module

        try:
            return str(IPv6Address(raw))
        except ValueError:
            pass
    if not re.fullmatch(r"[^\s/@:?#\[\]]{1,253}", text(raw)):
        raise ValueError("is not the name of a host: without scheme, user and port")
    return raw


def job_patterns(raw: str) -> tuple[str, ...]:
    """Dotted names of functions, comma separated, with * as wildcard in all parts but the first."""
    patterns = tuple(part for part in (piece.strip() for piece in raw.split(",")) if part)
    for pattern in patterns:
        first, *rest = pattern.split(".")
        if not first.isidentifier() or not rest:
            # A wildcard there would let whoever can write to Redis run any function that is installed.
            raise ValueError("must name a package of yours first, as in myapp.tasks.*")
        if not all(part.replace("*", "x").isidentifier() for part in rest):
            raise ValueError("is not a list of dotted names, as in myapp.tasks.*, other.report")
    return patterns


def job_names(raw: str) -> tuple[str, ...]:
    """Names of jobs, comma separated, * as wildcard."""
    found = tuple(part for piece in raw.split(",") if (part := piece.strip()))
    if not all(re.fullmatch(r"[A-Za-z0-9_.:*-]{1,100}", name) for name in found):
        raise ValueError("is not a list of names of jobs")
    return found


def command_words(raw: str) -> tuple[str, ...]:
    """Commands by their words, comma separated: retry, dlq retry."""
    commands = tuple(" ".join(piece.split()) for piece in raw.split(",") if piece.strip())
    if not all(re.fullmatch(r"[a-z]+( [a-z]+)?", each) for each in commands):
        raise ValueError("is not a list of commands, as in retry, dlq retry")
    return commands


def module_names(raw: str) -> tuple[str, ...]:
    """Dotted names of modules, comma separated."""
    names = tuple(part for part in (piece.strip() for piece in raw.split(",")) if part)
    if not all(part.isidentifier() for name in names for part in name.split(".")):
        raise ValueError("is not a list of modules, as in myapp.jobs, other")
    return names


def timezone(raw: str) -> str:
    """The name of a time zone, as in Europe/Berlin."""
    if raw == "UTC":  # the default: to look for it would cost every command a tenth of what loading settings does
        return raw
    from zoneinfo import ZoneInfo

    try:
        ZoneInfo(raw)
    except (KeyError, ValueError, OSError):
        raise ValueError("is not the name of a time zone, as Europe/Berlin is") from None
    return raw


def cron(raw: str) -> str | None:
    """Five fields of cron, None for `off`. What they say is looked at by the scheduler."""
    if raw.strip().lower() == "off":
        return None
    if not re.fullmatch(r"[0-9A-Za-z*,/#?LW -]{9,200}", raw.strip()) or len(raw.split()) != 5:
        raise ValueError("is not minute hour day month weekday, as in 0 3 * * *, and not off")
    return " ".join(raw.split())


def path(raw: str) -> Path:
    """The path of a file or a folder; ~ is the home of the user."""
    try:
        return Path(text(raw)).expanduser().absolute()
    except RuntimeError:
        raise ValueError("begins with the home of a user who is not known") from None


def find_obstacle(path: Path) -> Path | None:
    """What stands where `path` or a folder above it would have to be made; None where nothing does."""
    for place in (path, *path.parents):
        if os.path.isdir(place):
            return None
        if os.path.lexists(place):
            return place
    return None


def memory(raw: str) -> str:
    """An amount of memory as Redis writes it: 1gb, 512mb. 0 is without a limit."""
    if not re.fullmatch(r"[0-9]{1,15}(b|kb?|mb?|gb?)?", raw.lower()):
        raise ValueError("is not an amount of memory, such as 512mb or 1gb")
    return raw.lower()


def topic_filter(raw: str) -> str:
    """What may be subscribed to in MQTT: + is a whole level, # the whole rest."""
    if len(text(raw).encode()) > MAX_MQTT_STRING_BYTES:
        raise ValueError(f"is longer than {MAX_MQTT_STRING_BYTES} bytes")
    levels = raw.split("/")
    if levels[0] == "$share":
        if len(levels) < 3 or not levels[1] or not "/".join(levels[2:]):
            raise ValueError("shares nothing: it is written $share/GROUP/FILTER")
        if "+" in levels[1] or "#" in levels[1]:
            raise ValueError("has a wildcard in the name of its group")
        levels = levels[2:]
    if any("#" in level for level in levels[:-1]) or ("#" in levels[-1] and levels[-1] != "#"):
        raise ValueError("has # elsewhere than alone at its end")
    if any("+" in level and level != "+" for level in levels):
        raise ValueError("has + beside other characters of a level")
    return raw


def topic_pattern(raw: str) -> str:
    """What the levels of an MQTT topic mean: {device} and other names, + for any, ... at the end for more."""
    levels = text(raw).removesuffix("/...").split("/")
    names = [level[1:-1] for level in levels if level.startswith("{") and level.endswith("}")]
    if "device" not in names:
        raise ValueError("has no level {device}")
    if len(set(names)) != len(names) or set(names) & {"topic", "time"}:
        raise ValueError("has a name twice, or one that is taken: {topic}, {time}")
    if not all(re.fullmatch(r"[a-z][a-z0-9_]{0,30}", name) for name in names):
        raise ValueError("has a name that is not lower-case letters, digits and _")
    if any(level != "+" and re.search(r"[+#{}]|\.\.\.", level) for level in levels if level[1:-1] not in names):
        raise ValueError("has + # { } or ... elsewhere than in {name}, as a whole level + or at its end /...")
    return raw


def client_id(raw: str) -> str:
    """An MQTT client id."""
    if len(text(raw).encode()) > MAX_CLIENT_ID_BYTES:
        raise ValueError(f"is longer than {MAX_CLIENT_ID_BYTES} bytes")
    return raw
