"""Names of what there is in Redis, for a shell that completes a word: at once, or not at all.

Neither redis-py nor rq is imported, which takes longer than a person waits for a tab: Redis is asked in its own
protocol, over a socket of a moment's patience. Whatever is in the way, there are no names.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from qctl.broker.redis.key_prefix import OURS, RQ

PATIENCE = 0.1
"""Seconds that all of it may take, from the first packet on."""

EACH = 50
"""Ids of jobs that are looked at in one place of a queue."""

QUEUES = 100
"""Queues in which jobs are looked for."""

MOST = 1000
"""Names that are given at most: more than that nobody reads."""

Reply = Any
Ask = Callable[[Sequence[Sequence[str]]], list[Reply]]


def names(url: str, kind: str) -> list[str]:
    """The names of a kind: queue, worker, schedule, batch (of the trash), job, dead (letters).

    `url` as in `Settings.redis_target`. Raises OSError where Redis does not answer at once, ValueError where it says
    what nobody expected, KeyError for a kind that there is not.
    """
    find = _KINDS[kind]
    with _Line(url) as line:
        return find(line.ask)[:MOST]


def _queues(ask: Ask) -> list[str]:
    found, paused = ask([("SMEMBERS", f"{RQ}:queues"), ("HKEYS", f"{OURS}paused")])
    return sorted({key.removeprefix(f"{RQ}:queue:") for key in found} | set(paused))


def _workers(ask: Ask) -> list[str]:
    return sorted(key.removeprefix(f"{RQ}:worker:") for key in ask([("SMEMBERS", f"{RQ}:workers")])[0])


def _schedules(ask: Ask) -> list[str]:
    return sorted(ask([("ZRANGE", f"{OURS}schedules", "0", str(MOST))])[0])


def _batches(ask: Ask) -> list[str]:
    return list(reversed(ask([("ZRANGE", f"{OURS}trash", "0", str(MOST))])[0]))


def _dead(ask: Ask) -> list[str]:
    queues = _queues(ask)[:QUEUES]
    newest = [("ZRANGE", f"{RQ}:failed:{queue}", str(-EACH), "-1") for queue in queues]
    return [id_ for found in ask(newest) for id_ in reversed(found)]


def _jobs(ask: Ask) -> list[str]:
    queues = _queues(ask)[:QUEUES]
    places = [
        place
        for queue in queues
        for place in (
            ("ZRANGE", f"{RQ}:wip:{queue}", "0", str(EACH)),
            ("LRANGE", f"{RQ}:queue:{queue}", "0", str(EACH)),
            ("ZRANGE", f"{RQ}:failed:{queue}", str(-EACH), "-1"),
            ("ZRANGE", f"{RQ}:scheduled:{queue}", "0", str(EACH)),
            ("ZRANGE", f"{RQ}:finished:{queue}", str(-EACH), "-1"),
        )
    ]
    return list(dict.fromkeys(id_.partition(":")[0] for found in ask(places) for id_ in found))


_KINDS: dict[str, Callable[[Ask], list[str]]] = {
    "queue": _queues,
    "worker": _workers,
    "schedule": _schedules,
    "batch": _batches,
    "dead": _dead,
    "job": _jobs,
}


class _Line:
    """One connection, closed when its work is done or its time is over."""

    def __init__(self, url: str) -> None:
        self._url = urlsplit(url)
        self._until = time.monotonic() + PATIENCE

    def __enter__(self) -> _Line:
        url = self._url
        if url.scheme == "unix":
            self._socket = socket.socket(socket.AF_UNIX)
            self._socket.settimeout(PATIENCE)
            self._socket.connect(unquote(url.path))
        else:
            host = url.hostname or "localhost"
            self._socket = socket.create_connection((host, url.port or 6379), PATIENCE)
            if url.scheme == "rediss":
                import ssl  # most Redis of a shell's user speak without, and this import takes its time

                authority = parse_qs(url.query).get("ssl_ca_certs", [None])[0]
                context = ssl.create_default_context(cafile=authority)
                self._socket = context.wrap_socket(self._socket, server_hostname=host)
        self._stream = self._socket.makefile("rb")
        self._introduce()
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()
        self._socket.close()

    def _introduce(self) -> None:
        user, secret = unquote(self._url.username or ""), unquote(self._url.password or "")
        database = self._url.path.strip("/") if self._url.scheme != "unix" else ""
        database = parse_qs(self._url.query).get("db", [database])[0]
        first = [("AUTH", user, secret) if user else ("AUTH", secret)] if secret else []
        self.ask([*first, *([("SELECT", database)] if database.strip("0") else [])])

    def ask(self, commands: Sequence[Sequence[str]]) -> list[Reply]:
        """Send commands in one go, and return the reply to each."""
        self._socket.sendall(b"".join(_packed(command) for command in commands))
        return [self._read() for _ in commands]

    def _read(self) -> Reply:
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._socket.settimeout(left)
        line = self._stream.readline()
        kind, rest = line[:1], line[1:].strip()
        if kind in (b"+", b":"):
            return rest.decode(errors="replace")
        if kind == b"$":
            return self._stream.read(int(rest) + 2)[:-2].decode(errors="replace")
        if kind == b"*":
            return [self._read() for _ in range(int(rest))]
        raise ValueError(line)


def _packed(command: Sequence[str]) -> bytes:
    parts = [part.encode(errors="surrogateescape") for part in command]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%b\r\n" % (len(part), part) for part in parts)
