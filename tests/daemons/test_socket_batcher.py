"""qctl-socket-batcher on the whole way of a message, from a Socket.IO client to the database, everything killed."""

from __future__ import annotations

import json
import random
import sqlite3
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from qctl.broker.redis import keys
from support.batcher import Batcher, Sender, message, messages
from support.databases import MariaDb
from support.ingest import items, letters, reason
from support.process import Program
from support.servers import RedisServer
from support.waiting import PATIENCE_SECONDS, eventually

BIN = Path(sys.executable).parent


def worker(folder: Path, redis: RedisServer, **env: str) -> Program:
    """A worker of `socket-data`, ready when it takes jobs."""
    env = {"REDIS_URL": redis.url, "QCTL_HOME": str(folder), "LOG_FORMAT": "text", **env}
    return Program("worker", [str(BIN / "qctl-worker"), "socket-data"], folder, env=env, says="takes jobs from")


def rows(folder: Path) -> list[Any]:
    """The messages in SQLite."""
    file = folder / "qctl.db"
    if not file.exists():
        return []
    with closing(sqlite3.connect(file, timeout=PATIENCE_SECONDS)) as db:
        if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'messages'").fetchall():
            return []
        return db.execute("SELECT msg_id, message, user_id, timestamp FROM messages ORDER BY rowid").fetchall()


def count_in(db: MariaDb) -> int:
    """Number of messages in MariaDB."""
    if not db.run("SHOW TABLES LIKE 'messages'"):
        return 0
    ((found,),) = db.run("SELECT COUNT(*) FROM messages")
    return int(found)


def kill_in_turn(programs: list[Program], seed: int, busy: Callable[[], bool]) -> Counter[str]:
    """Kill one program after the other and start it again, as long as `busy`. Returns how often each was killed.

    Not for a thread of its own: what a thread started dies with it.
    """
    chance, killed = random.Random(seed), Counter[str]()
    while busy():
        time.sleep(chance.uniform(0.3, 0.8))
        victim = programs[killed.total() % len(programs)]
        victim.kill()
        killed[victim.name] += 1
        time.sleep(chance.uniform(0, 0.3))
        victim.start()
    return killed


def test_a_message_arrives_in_sqlite_without_anything_else(tmp_path: Path, redis_server: RedisServer) -> None:
    sent = [
        message("m-1", message="grüße 🐘 שלום", timestamp="2026-01-01T12:00:00.123+02:00"),
        message("m-2", timestamp="2026-01-01T12:00:00Z"),
    ]
    with Batcher(tmp_path, redis_server.url) as batcher, worker(tmp_path, redis_server), Sender(batcher.url) as sender:
        sender.send_until_acked(sent)
        eventually(lambda: len(rows(tmp_path)) == 2, what="the rows")
    assert sorted(rows(tmp_path)) == [
        ("m-1", "grüße 🐘 שלום", "u1", "2026-01-01 10:00:00.123000"),
        ("m-2", "hello m-2", "u1", "2026-01-01 12:00:00.000000"),
    ]


def test_an_id_that_is_taken_is_a_dead_letter(tmp_path: Path, redis_server: RedisServer, connection: Redis) -> None:
    first, other, same = message("m-1"), message("m-1", user_id="somebody else"), message("m-2")
    with Batcher(tmp_path, redis_server.url) as batcher, worker(tmp_path, redis_server), Sender(batcher.url) as sender:
        sender.send_until_acked([first])
        eventually(lambda: len(rows(tmp_path)) == 1)
        for each in (other, first, same, same):
            assert sender.ask(each)["ok"]
        eventually(lambda: len(rows(tmp_path)) == 2 and letters(connection, "messages"), what="the dead letter")
    (letter,) = letters(connection, "messages")
    assert "another message is stored already: 'm-1'" in reason(letter)
    assert [row[2] for row in rows(tmp_path)] == ["u1", "u1"]


def test_two_batchers_share_the_work(tmp_path: Path, redis_server: RedisServer, connection: Redis) -> None:
    def batcher(name: str) -> Batcher:
        return Batcher(tmp_path, redis_server.url, name=name, BATCH_SIZE_THRESHOLD="50")

    with batcher("one") as one, batcher("two") as two, Sender(one.url) as a, Sender(two.url) as b:
        both = messages("both", 300)
        threads = [threading.Thread(target=sender.send_until_acked, args=(both,)) for sender in (a, b)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE_SECONDS)
        eventually(lambda: not connection.llen(keys.buffer("messages")), what="the tail is cut")
        found = [item["msg_id"] for item in items(connection, "messages")]
        assert set(found) == {each["msg_id"] for each in both}
        with worker(tmp_path, redis_server):
            eventually(lambda: len(rows(tmp_path)) == 300, what="each once")
    assert letters(connection, "messages") == []


@pytest.mark.kill
def test_what_was_acknowledged_arrives_once_whoever_is_killed(
    tmp_path: Path, own_redis: RedisServer, long_run: bool
) -> None:
    count, seed = (20_000 if long_run else 2000), random.SystemRandom().randrange(10**6)
    batcher = Batcher(tmp_path, own_redis.url, BATCH_SIZE_THRESHOLD="100")
    writer = worker(tmp_path, own_redis)
    sent = messages("m", count)
    with batcher, writer, Sender(batcher.url) as sender:

        def send() -> None:
            for start in range(0, count, 50):
                sender.send_until_acked(sent[start : start + 50])
                time.sleep(0.1)

        sending = threading.Thread(target=send)
        sending.start()
        killed = kill_in_turn([batcher, own_redis, writer], seed, sending.is_alive)
        print(f"seed {seed}: killed {dict(killed)}")
        eventually(lambda: len(rows(tmp_path)) >= count, what="all rows")
    found = [row[0] for row in rows(tmp_path)]
    assert len(killed) == 3
    assert len(found) == len(set(found)) == count
    assert sender.acked == set(found) == {each["msg_id"] for each in sent}


@pytest.mark.kill
def test_a_database_that_is_down_costs_nothing(
    tmp_path: Path, redis_server: RedisServer, own_mariadb: MariaDb, connection: Redis
) -> None:
    writer = worker(tmp_path, redis_server, **own_mariadb.environ)
    with Batcher(tmp_path, redis_server.url) as batcher, writer, Sender(batcher.url) as sender:
        sender.send_until_acked(messages("before", 50))
        eventually(lambda: count_in(own_mariadb) == 50)
        own_mariadb.kill()
        sender.send_until_acked(messages("during", 50))
        eventually(lambda: connection.hexists(keys.PAUSED, "socket-data"), what="the breaker")
        assert letters(connection, "messages") == []
        own_mariadb.restart()
        sender.send_until_acked(messages("after", 50))
        eventually(lambda: count_in(own_mariadb) == 150, what="all rows")
    assert letters(connection, "messages") == []


@pytest.mark.parametrize(("change", "why"), [("DB_PASSWORD", "Access denied"), ("DB_NAME", "Access denied")])
def test_a_database_that_refuses_us_holds_the_queue_until_somebody_acts(
    tmp_path: Path, redis_server: RedisServer, mariadb: MariaDb, connection: Redis, change: str, why: str
) -> None:
    writer = worker(tmp_path, redis_server, **{**mariadb.environ, change: "wrong"})
    with Batcher(tmp_path, redis_server.url) as batcher, writer, Sender(batcher.url) as sender:
        sender.send_until_acked(messages("m", 3))
        held = eventually(lambda: connection.hget(keys.PAUSED, "socket-data"), what="the queue is held")
    assert why in held.decode()
    assert json.loads(held)["reason"].endswith("; then qctl resume socket-data")
    assert "until" not in json.loads(held)
    assert letters(connection, "messages") == []
