"""Names that a shell completes: queues, workers, jobs and so on, read from Redis at once or not at all.

It imports neither redis-py nor rq, because that takes longer than a person waits for a tab. It speaks Redis's protocol
over a socket with a short timeout, and returns no names if anything fails.
"""

from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any, cast
from urllib.parse import parse_qs, unquote, urlsplit

from qctl.broker.redis import keys, protocol
from qctl.broker.redis.cluster_slots import slot_of
from qctl.broker.redis.key_prefix import TAG
from qctl.ownership import find_violation
from qctl.settings import cluster_url, sentinel_url
from qctl.settings.cluster_url import ClusterUrl
from qctl.settings.sentinel_url import Address, SentinelUrl

TIMEOUT_SECONDS = 0.1
"""Time allowed for all of a completion, from the first packet on."""

MAX_JOBS_PER_LOCATION = 50
"""Maximum job ids read from one list or sorted set of a queue."""

MAX_QUEUES = 100
"""Maximum queues searched for job ids."""

MAX_NAMES = 1000
"""Maximum names returned; the rest are left out."""

Run = Callable[[Sequence[tuple[str, ...]]], list[list[str]]]
"""Runs commands that return lists of text, and returns the reply to each."""


def names(url: str, kind: str) -> list[str]:
    """Return the names of a kind: queue, worker, schedule, batch (of the trash), job, dead (letters), cause.

    Raises the errors of `described_names`.
    """
    return list(described_names(url, kind))


def described_names(url: str, kind: str) -> dict[str, str]:
    """Return the names of a kind with a description each, empty for most kinds.

    `url` as in `Settings.redis_target`. Raises OSError if Redis does not reply in time, ValueError if it replies with
    an error, KeyError for an unknown kind.
    """
    find = _KINDS[kind]
    deadline = time.monotonic() + TIMEOUT_SECONDS
    if sentinel_url.is_sentinel(url):
        url = _primary(sentinel_url.parse(url), deadline)
    elif cluster_url.is_cluster(url):
        url = _owner(cluster_url.parse(url), deadline)
    with _Connection(url, deadline) as connection:
        found = find(connection.run)
    described = found if isinstance(found, dict) else dict.fromkeys(found, "")
    return dict(islice(described.items(), MAX_NAMES))


def _primary(url: SentinelUrl, deadline: float) -> str:
    """The URL of the primary that the first Sentinel names which answers."""
    question = ("SENTINEL", "get-master-addr-by-name", url.service)
    for _, found in _answers(url.sentinels, url.sentinel, question, deadline):
        if found:
            return url.server((found[0], int(found[1])))
    raise ConnectionError("no Sentinel names a primary")


def _owner(url: ClusterUrl, deadline: float) -> str:
    """The URL of the node that serves the slot of all keys, by the first node that answers."""
    for address, ranges in _answers(url.nodes, url.node, ("CLUSTER", "SLOTS"), deadline):
        for first, last, (host, port, *_), *_ in cast("list[Any]", ranges):
            if first <= slot_of(TAG) <= last:
                return url.node((host if host not in (None, "", "?") else address[0], port))
    raise ConnectionError("no node names the one that serves the keys")


def _answers(
    addresses: Sequence[Address], url: Callable[[Address], str], question: tuple[str, ...], deadline: float
) -> Iterator[tuple[Address, list[str]]]:
    """Yield each server that answers, with its answer. Each may take its share of the time."""
    for number, address in enumerate(addresses):
        share = (deadline - time.monotonic()) / (len(addresses) - number + 1)
        try:
            with _Connection(url(address), time.monotonic() + share) as connection:
                (answer,) = connection.run([question])
        except (OSError, ValueError):
            continue
        yield address, answer


def _queues(run: Run) -> list[str]:
    used, paused = run([("SMEMBERS", keys.QUEUES), ("HKEYS", keys.PAUSED)])
    return sorted({key.removeprefix(keys.QUEUE_PREFIX) for key in used} | set(paused))


def _workers(run: Run) -> list[str]:
    return sorted(key.removeprefix(keys.WORKER_PREFIX) for key in run([("SMEMBERS", keys.WORKERS)])[0])


def _schedules(run: Run) -> list[str]:
    return sorted(run([("ZRANGE", keys.SCHEDULES, "0", str(MAX_NAMES))])[0])


def _batches(run: Run) -> list[str]:
    return list(reversed(run([("ZRANGE", keys.TRASH, "0", str(MAX_NAMES))])[0]))


def _dead(run: Run) -> list[str]:
    queues = _queues(run)[:MAX_QUEUES]
    newest = [("ZRANGE", keys.failed(queue), str(-MAX_JOBS_PER_LOCATION), "-1") for queue in queues]
    return [id_ for ids in run(newest) for id_ in reversed(ids)]


_EXECUTION = re.compile(r":[0-9a-f]{32}$")
"""Matches the execution after the id of a started job."""


def _jobs(run: Run) -> list[str]:
    limit = MAX_JOBS_PER_LOCATION
    commands = [
        command
        for queue in _queues(run)[:MAX_QUEUES]
        for command in (
            ("ZRANGE", keys.started(queue), "0", str(limit)),
            ("LRANGE", keys.queue(queue), "0", str(limit)),
            ("ZRANGE", keys.failed(queue), str(-limit), "-1"),
            ("ZRANGE", keys.scheduled(queue), "0", str(limit)),
            ("ZRANGE", keys.finished(queue), str(-limit), "-1"),
        )
    ]
    return list(dict.fromkeys(_EXECUTION.sub("", id_) for ids in run(commands) for id_ in ids))


def _causes(run: Run) -> dict[str, str]:
    """Return the fingerprints of the causes of death, with the exceptions and functions."""
    causes: dict[str, str] = {}
    for pairs in run([("HGETALL", keys.causes(queue)) for queue in _queues(run)[:MAX_QUEUES]]):
        causes.update((name, _describe_cause(text)) for name, text in zip(pairs[::2], pairs[1::2], strict=False))
    return causes


def _describe_cause(text: str) -> str:
    try:
        cause = json.loads(text)
        return f"{cause['exception']} in {cause['function']}"
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""


_KINDS: dict[str, Callable[[Run], list[str] | dict[str, str]]] = {
    "queue": _queues,
    "worker": _workers,
    "schedule": _schedules,
    "batch": _batches,
    "dead": _dead,
    "job": _jobs,
    "cause": _causes,
}


class _Connection:
    """A connection that closes when its block ends, and fails when its time is over."""

    def __init__(self, url: str, deadline: float) -> None:
        self._url = urlsplit(url)
        self._deadline = deadline
        self._reader = protocol.Reader(
            encoding="utf-8", errors="replace", replyError=ValueError, protocolError=ValueError, notEnoughData=...
        )

    def __enter__(self) -> _Connection:
        self._socket = self._dial(max(0.001, self._deadline - time.monotonic()))
        try:
            if self._url.scheme == "rediss":
                self._socket = self._encrypted()
            self._log_in()
        except BaseException:
            self._socket.close()
            raise
        return self

    def _dial(self, seconds: float) -> socket.socket:
        if self._url.scheme != "unix":
            return socket.create_connection((self._url.hostname or "localhost", self._url.port or 6379), seconds)
        dialled = socket.socket(socket.AF_UNIX)
        try:
            dialled.settimeout(seconds)
            dialled.connect(unquote(self._url.path))
        except BaseException:
            dialled.close()
            raise
        return dialled

    def _encrypted(self) -> socket.socket:
        import ssl  # a slow import that few need

        authority = parse_qs(self._url.query).get("ssl_ca_certs", [None])[0]
        if authority and find_violation(authority):
            raise ValueError("the file of ssl_ca_certs breaks the ownership rule")
        context = ssl.create_default_context(cafile=authority)
        return context.wrap_socket(self._socket, server_hostname=self._url.hostname or "localhost")

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def _log_in(self) -> None:
        user, secret = unquote(self._url.username or ""), unquote(self._url.password or "")
        database = self._url.path.strip("/") if self._url.scheme != "unix" else ""
        database = parse_qs(self._url.query).get("db", [database])[0]
        first: list[tuple[str, ...]] = [("AUTH", user, secret) if user else ("AUTH", secret)] if secret else []
        self.run([*first, *([("SELECT", database)] if database.strip("0") else [])])

    def run(self, commands: Sequence[tuple[str, ...]]) -> list[list[str]]:
        """Send commands in one packet, and return the reply to each."""
        self._socket.sendall(b"".join(map(protocol.pack, commands)))
        return [self._read() for _ in commands]

    def _read(self) -> list[str]:
        while (reply := self._reader.gets()) is ...:
            left = self._deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            self._socket.settimeout(left)
            received = self._socket.recv(65_536)
            if not received:
                raise ConnectionError("Redis closed the connection")
            self._reader.feed(received)
        if isinstance(reply, ValueError):
            raise reply
        return cast("list[str]", reply)
