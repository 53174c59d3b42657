"""Items that arrived, read from the sinks and the dead letters."""

from __future__ import annotations

import base64
import json
import re
import sqlite3
from collections import Counter
from contextlib import closing

from faults.ledger import Arrived
from faults.path import HALVES, QUEUES, DataPath
from qctl.broker.redis import keys
from support.ingest import letters

_NUMBER = re.compile(r'"n": ?(\d+)')


def topic(run: str, device: int) -> str:
    """Topic of a device in a run."""
    return f"sensors/{run}-{device}/{HALVES[device % 2]}"


def msg_id(run: str, number: int) -> str:
    """The id of a client's message in a run."""
    return f"{run}/{number}"


def readings(path: DataPath, run: str) -> Arrived:
    """The readings of a run."""
    dead: Counter[int] = Counter()
    with path.redis.connect() as client:
        for letter in letters(client, "readings"):
            if letter.args[0].startswith(f"sensors/{run}-"):
                dead[_number(base64.b64decode(letter.args[1]).decode())] += 1
    return Arrived(_stored(path, run), dead)


def messages(path: DataPath, run: str) -> Arrived:
    """The messages of a run."""
    stored: Counter[int] = Counter()
    if path.mysql.run("SHOW TABLES LIKE 'messages'"):
        for (found,) in path.mysql.run("SELECT msg_id FROM messages"):
            if found.startswith(f"{run}/"):
                stored[int(found.rpartition("/")[2])] += 1
    dead: Counter[int] = Counter()
    with path.redis.connect() as client:
        for letter in letters(client, "messages"):
            event = json.loads(letter.args[0]) if isinstance(letter.args[0], str) else ["", letter.args[0][0]]
            found = str(event[1].get("msg_id"))
            if found.startswith(f"{run}/"):
                dead[int(found.rpartition("/")[2])] += 1
    return Arrived(stored, dead)


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
