"""Items that arrived, read from the sinks and the dead letters."""

from __future__ import annotations

import base64
import json
import re
import sqlite3
from collections import Counter
from collections.abc import Iterable
from contextlib import closing

from faults.ledger import Arrived
from faults.path import HALVES, QUEUES, DataPath
from qctl.broker.redis import keys
from support.ingest import letters, unwritten

_NUMBER = re.compile(r'"n": ?(\d+)')


def topic(run: str, device: int) -> str:
    """Topic of a device in a run."""
    return f"sensors/{run}-{device}/{HALVES[device % 2]}"


def msg_id(run: str, number: int) -> str:
    """The id of a client's message in a run."""
    return f"{run}/{number}"


def readings(path: DataPath, run: str) -> Arrived:
    """The readings of a run."""
    # Those on their way first: an item that moves on meanwhile is then seen twice, and not missed.
    dead: Counter[int] = Counter()
    with path.redis.connect() as client:
        ours = [item for item in unwritten(client, "readings") if item["topic"].startswith(f"sensors/{run}-")]
        stored = _stored(path, run)
        for letter in letters(client, "readings"):
            if letter.args[0].startswith(f"sensors/{run}-"):
                dead[_number(base64.b64decode(letter.args[1]).decode())] += 1
    return Arrived(stored, dead, Counter(item["fields"]["n"] for item in ours))


def messages(path: DataPath, run: str) -> Arrived:
    """The messages of a run."""
    dead: Counter[int] = Counter()
    with path.redis.connect() as client:
        waiting = _numbers(run, (item["msg_id"] for item in unwritten(client, "messages")))
        stored = _stored_messages(path, run)
        for letter in letters(client, "messages"):
            event = json.loads(letter.args[0]) if isinstance(letter.args[0], str) else ["", letter.args[0][0]]
            dead.update(_numbers(run, [event[1].get("msg_id")]))
    return Arrived(stored, dead, waiting)


def appended(path: DataPath) -> int:
    """Items that sources have ever appended to the buffers, copies of one included."""
    with path.redis.connect() as client:
        counts = [client.hget(keys.ingest(pipeline), "received") for pipeline in ("readings", "messages")]
    return sum(int(count or 0) for count in counts)


def state(path: DataPath) -> str:
    """Positions of items in the pipeline, for the reader of a failure."""
    lines = []
    with path.redis.connect() as client:
        for pipeline, queue in zip(("readings", "messages"), QUEUES, strict=True):
            waiting = {key: client.llen(key) for key in (keys.buffer(pipeline), keys.queue(queue))}
            held = {key: client.hgetall(key) for key in (keys.claims(queue), keys.quarantine(queue))}
            lines.append(f"{waiting} {held} {client.hgetall(keys.ingest(pipeline))}")
        lines.append(f"held: {client.hgetall(keys.PAUSED)}")
    return "\n".join(lines)


def _stored_messages(path: DataPath, run: str) -> Counter[int]:
    if not path.mysql.run("SHOW TABLES LIKE 'messages'"):
        return Counter()
    return _numbers(run, (msg_id for (msg_id,) in path.mysql.run("SELECT msg_id FROM messages")))


def _numbers(run: str, msg_ids: Iterable[object]) -> Counter[int]:
    """Numbers of the messages of this run, by their ids."""
    parts = [str(each).rpartition("/") for each in msg_ids]
    return Counter(int(number) for of_run, _, number in parts if of_run == run)


def _stored(path: DataPath, run: str) -> Counter[int]:
    file = path.home / "qctl.db"
    if not file.exists():
        return Counter()
    with closing(sqlite3.connect(file, timeout=30)) as database:
        if not database.execute("SELECT 1 FROM sqlite_master WHERE name = 'readings'").fetchall():
            return Counter()
        rows = database.execute("SELECT fields FROM readings WHERE device LIKE ?", (f"{run}-%",)).fetchall()
    return Counter(json.loads(fields)["n"] for (fields,) in rows)


def _number(text: str) -> int:
    found = _NUMBER.search(text)
    assert found is not None, f"a dead letter that nobody sent: {text!r}"
    return int(found[1])
