"""Arrivals of a run: in the sinks, and among the dead letters."""

from __future__ import annotations

import base64
import json
import sqlite3
from collections import Counter
from contextlib import closing

from redis import Redis

from cluster.site import ClusterSite
from cluster.traffic import marks_file
from faults.ledger import Arrived
from support.ingest import letters


def runs_of_jobs(site: ClusterSite, run: str) -> Counter[int]:
    """Count the runs of each job. Those of the paused queue have negative numbers."""
    file = marks_file(site, run)
    return Counter(map(int, file.read_text().split())) if file.exists() else Counter()


def stored(site: ClusterSite, run: str, kind: str) -> Counter[int]:
    """Count the copies of each item of a kind of traffic where it ends."""
    if kind == "jobs":  # one that ran twice is no second copy: a claim may be lost
        return Counter({n for n in runs_of_jobs(site, run) if n >= 0})
    if kind == "messages":
        return _messages(site, run)
    return _readings(site, f"posts/{run}" if kind == "posts" else f"sensors/%/{run}")


def arrived(site: ClusterSite, run: str, kind: str, client: Redis) -> Arrived:
    """Read the arrivals of a kind of traffic, dead letters included."""
    return Arrived(stored(site, run, kind), _dead(run, kind, client))


def _messages(site: ClusterSite, run: str) -> Counter[int]:
    if not site.mysql.run("SHOW TABLES LIKE 'messages'"):
        return Counter()
    parts = [str(msg_id).rpartition("/") for (msg_id,) in site.mysql.run("SELECT msg_id FROM messages")]
    return Counter(int(number) for of_run, _, number in parts if of_run == run)


def _readings(site: ClusterSite, pattern: str) -> Counter[int]:
    database = site.home / "qctl.db"
    if not database.exists():
        return Counter()
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=30)) as db:
        if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'readings'").fetchall():
            return Counter()
        rows = db.execute("SELECT fields FROM readings WHERE topic LIKE ?", (pattern,)).fetchall()
    return Counter(json.loads(fields)["n"] for (fields,) in rows)


def _dead(run: str, kind: str, client: Redis) -> Counter[int]:
    dead: Counter[int] = Counter()
    if kind == "messages":
        for letter in letters(client, "messages"):
            event = json.loads(letter.args[0]) if isinstance(letter.args[0], str) else ["", letter.args[0][0]]
            of_run, _, number = str(event[1].get("msg_id")).rpartition("/")
            dead.update([int(number)] if of_run == run else [])
    elif kind != "jobs":
        for letter in letters(client, "readings"):
            topic = str(letter.args[0])
            if topic.endswith(f"/{run}") and topic.startswith("posts/") == (kind == "posts"):
                dead[json.loads(base64.b64decode(letter.args[1]))["n"]] += 1
    return dead
