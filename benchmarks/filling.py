"""Very many jobs in a Redis, written by hand: RQ would take hours."""

from __future__ import annotations

import base64
import json
import pickle
import socket
import time
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from qctl.broker.bookkeeping import counters, dead_letter_index
from qctl.broker.redis import job_fields, keys
from qctl.histogram import bucket

TRACEBACK = """Traceback (most recent call last):
  File "/srv/app/tasks.py", line {line}, in send
    raise {error}("no such address")
{error}: no such address
"""

CAUSES = 20
"""Distinct causes among the dead letters of the first queue; the others have `FEW`."""

FEW = 3

SENT = 1 << 20
"""Bytes sent at once."""


@dataclass(frozen=True)
class Size:
    """The size of a site: queues; waiting jobs, all but one a queue in the first; dead letters, half in the first."""

    queues: int = 1000
    waiting: int = 1_000_000
    dead: int = 100_000

    def times(self, scale: float) -> Size:
        """So much of it."""
        return Size(*(max(2, int(number * scale)) for number in (self.queues, self.waiting, self.dead)))

    def __str__(self) -> str:
        return f"{self.waiting:,} waiting, {self.dead:,} dead, {self.queues:,} queues"


def fill(path: str, size: Size) -> None:
    """Queues with what waits, what died by cause, and what ran in the last minutes."""
    with Sender(path) as send:
        for number in range(size.queues):
            name = f"queue-{number}"
            others = size.queues - 1
            dead = size.dead // 2 // others
            if number == 0:
                _wait(send, name, size.waiting - others)
                bury(send, name, size.dead - dead * others)
            else:
                _wait(send, name, 1)
                bury(send, name, dead, causes=FEW)
            _measure(send, name)


def bury(send: Sender, queue: str, count: int, *, causes: int = CAUSES, indexed: bool = True) -> None:
    """Dead letters, as qctl's workers leave them, or stock ones, which keep no index of causes."""
    ids = [f"d-{queue}-{n}".encode() for n in range(count)]
    now = int(time.time() * 1000)
    for cause in range(causes):
        mine = ids[cause::causes]
        traceback = TRACEBACK.format(line=cause, error=f"Error{cause}")
        parts = dead_letter_index.describe_cause("app.tasks.send", traceback)
        print_ = dead_letter_index.fingerprint(parts)
        fields = {**_job(queue, "failed"), **({job_fields.FINGERPRINT: print_} if indexed else {})}
        failure = {"exc_string": _packed(traceback), "type": 2, "created_at": now}
        send.each(b"HSET", keys.JOB_PREFIX, mine, _flat(fields))
        send.each(b"XADD", keys.results(""), mine, [b"*", *_flat(failure)])
        if indexed:
            send.one(b"HSET", keys.causes(queue), print_, json.dumps(parts))
            for step in _steps(mine):
                send.one(b"ZADD", keys.cause(queue, print_), *(part for id_ in step for part in (str(now), id_)))
    for step in _steps(ids):
        send.one(b"ZADD", keys.failed(queue), *(part for id_ in step for part in ("-1", id_)))
    send.one(b"SADD", keys.QUEUES, keys.queue(queue))


def _wait(send: Sender, queue: str, count: int) -> None:
    ids = [f"w-{queue}-{n}".encode() for n in range(count)]
    send.each(b"HSET", keys.JOB_PREFIX, ids, _flat(_job(queue, "queued")))
    for step in _steps(ids):
        send.one(b"RPUSH", keys.queue(queue), *step)
    send.one(b"SADD", keys.QUEUES, keys.queue(queue))


def _measure(send: Sender, queue: str) -> None:
    """Write the counters of qctl's workers for the minutes that `stats` reads, and some ahead."""
    minute = int(time.time()) // 60 + 10
    times = {
        f"{kind}{bucket(0.01 * n)}{' app.tasks.send' if kind == 'r' else ''}": 2 for kind in "wr" for n in range(1, 11)
    }
    for ago in range(counters.WINDOW_MINUTES + 10):
        hour, of_hour = divmod(minute - ago, 60)
        counts = {f"{of_hour}.{what}": 20 for what in ("taken", "finished", "depth")}
        send.one(b"HSET", keys.counts(queue, hour), *_flat(counts))
        send.one(b"HSET", keys.durations(queue, minute - ago), *_flat(times))


def _job(queue: str, status: str) -> dict[str, object]:
    """The fields of a job as RQ writes them."""
    data = zlib.compress(pickle.dumps(("app.tasks.send", None, ("someone@example.com", "x" * 40), {})))
    at = "2026-01-01T00:00:00.000000Z"
    return {
        "status": status,
        "origin": queue,
        "data": data,
        "description": "app.tasks.send('someone@example.com')",
        "created_at": at,
        "enqueued_at": at,
        "timeout": 180,
        "failure_ttl": -1,
        "worker_name": "",
    }


def _packed(text: str) -> bytes:
    """As RQ keeps the traceback of a result."""
    return base64.b64encode(zlib.compress(text.encode()))


def _flat(fields: Mapping[str, object]) -> list[bytes]:
    return [part if isinstance(part, bytes) else str(part).encode() for pair in fields.items() for part in pair]


def _steps(ids: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    for start in range(0, len(ids), 1000):
        yield ids[start : start + 1000]


class Sender:
    """Commands to Redis, as fast as Python writes them, without looking at a reply before the end."""

    def __init__(self, path: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(path)
        self._held: list[bytes] = []
        self._size = 0

    def __enter__(self) -> Sender:
        self.one(b"CLIENT", b"REPLY", b"OFF")
        return self

    def __exit__(self, *_: object) -> None:
        self.one(b"CLIENT", b"REPLY", b"ON")
        self._flush()
        assert self._socket.recv(64) == b"+OK\r\n"
        self._socket.close()

    def one(self, *parts: bytes | str) -> None:
        """One command."""
        encoded = [part.encode() if isinstance(part, str) else part for part in parts]
        self._add(b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%b\r\n" % (len(part), part) for part in encoded))

    def each(self, command: bytes, prefix: str, ids: Sequence[bytes], rest: Sequence[bytes]) -> None:
        """One command for each of many keys, which differ in no more than the key."""
        begin = b"*%d\r\n$%d\r\n%b\r\n" % (2 + len(rest), len(command), command)
        end = b"\r\n" + b"".join(b"$%d\r\n%b\r\n" % (len(part), part) for part in rest)
        for id_ in ids:
            key = prefix.encode() + id_
            self._add(begin + b"$%d\r\n" % len(key) + key + end)

    def _add(self, command: bytes) -> None:
        self._held.append(command)
        self._size += len(command)
        if self._size > SENT:
            self._flush()

    def _flush(self) -> None:
        self._socket.sendall(b"".join(self._held))
        self._held, self._size = [], 0
