"""The corpus through the real daemons, all inputs at once, into SQLite, VictoriaMetrics and MariaDB."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from corpus.corpus import Case, cases, merged, nanoseconds, payload
from support.batcher import Batcher, Sender
from support.databases import MariaDb
from support.device import Device
from support.gateway import Gateway
from support.process import Program
from support.servers import Mosquitto, RedisServer, VictoriaMetrics
from support.waiting import eventually

BIN = Path(sys.executable).parent
TOKEN = "token-of-a-device-0123456789abcdef"
LAST_TOPIC = "corpus/end"
"""Topic of the last message, after which all others are stored."""

READINGS = {name: case for name, case in cases("readings").items() if "settings" not in case}
POSTED = {name: case for name, case in cases("posted").items() if "settings" not in case}


@pytest.fixture
def env(tmp_path: Path, own_redis: RedisServer, own_mosquitto: Mosquitto) -> dict[str, str]:
    """Settings of the daemons."""
    return {
        "QCTL_HOME": str(tmp_path),
        "REDIS_URL": own_redis.url,
        "MQTT_BROKER": own_mosquitto.url,
        "MQTT_TOPIC": "#",
        "LOG_FORMAT": "text",
    }


def daemons(folder: Path, env: dict[str, str]) -> Iterator[Program]:
    """The bridge and the worker of readings, not started."""
    yield Program("bridge", [str(BIN / "qctl-mqtt-bridge")], folder, env=env, says="subscribed")
    yield Program("worker", [str(BIN / "qctl-worker"), "sensor-data"], folder, env=env, says="takes jobs from")


def publish(mosquitto: Mosquitto) -> None:
    """Publish every message, each with QoS 1."""
    with Device(mosquitto.port) as device:
        for case in READINGS.values():
            device.say(case["topic"], payload(case))
        device.say(LAST_TOPIC, '{"n": 1}')


def expected(stored: dict[str, Case]) -> set[tuple[Any, ...]]:
    """The rows of the files: topic, device, time or None for that of receipt, tags, fields."""
    return merged(
        (
            row.get("topic", case.get("topic")),
            row["device"],
            nanoseconds(row["time"]) if "time" in row else None,
            json.dumps(row.get("tags", {}), sort_keys=True),
            row["fields"],
        )
        for case in stored.values()
        for row in case["rows"]
    )


def rows(path: Path) -> list[tuple[Any, ...]]:
    """The stored rows, in the form of `expected`: the time is None if it is that of receipt."""
    with closing(sqlite3.connect(path)) as db:
        stored = db.execute("SELECT topic, device, ts_ns, received_ns, tags, fields FROM readings").fetchall()
    return [
        (topic, device, None if 0 <= ts_ns - received_ns < 1000 else ts_ns, _sorted(tags), json.loads(fields))
        for topic, device, ts_ns, received_ns, tags, fields in stored
    ]


def _sorted(tags: str) -> str:
    return json.dumps(json.loads(tags), sort_keys=True)


def test_messages_and_bodies_are_the_rows_of_their_files_in_sqlite(
    tmp_path: Path, own_redis: RedisServer, own_mosquitto: Mosquitto, env: dict[str, str]
) -> None:
    bridge, worker = daemons(tmp_path, env)
    gateway = Gateway(tmp_path, own_redis.url, QCTL_READINGS_TOKEN=TOKEN)
    with bridge, worker, gateway:
        for case in POSTED.values():
            lines = case["content_type"] == "text/plain"
            query = "&".join(f"{name}={value}" for name, value in case.get("query", {}).items())
            path = ("/api/v2/write" if lines else "/api/readings") + f"?{query}"
            answer = gateway.request("POST", path, case["body"].encode(), TOKEN, Content_Type=case["content_type"])
            accepted = bool(case["rows"]) and (lines or "refused" not in case)
            complete = "refused" not in case and "rejected" not in case
            assert answer.status == ((204 if lines else 202) if complete else 422 if lines and accepted else 400)
        publish(own_mosquitto)
        stored = {**READINGS, **{n: c for n, c in POSTED.items() if c["content_type"] == "text/plain"}}
        stored |= {name: case for name, case in POSTED.items() if "refused" not in case}
        wanted = expected(stored) | merged([(LAST_TOPIC, "end", None, "{}", {"n": 1})])
        database = tmp_path / "qctl.db"
        eventually(lambda: database.exists() and len(rows(database)) >= len(wanted), what=f"{len(wanted)} rows")
        assert merged(rows(database)) == wanted
        # The bridge writes the counts of topics once a second, those of the last message last.
        topics = eventually(lambda: _topics_with_the_last(env), what="the counts of topics")
        letters = json.loads(_qctl(env, "ingest", "rejects", "list", "-o", "json"))
    counts = {topic["topic"]: topic for topic in topics}
    for name, case in READINGS.items():
        found = counts[case["topic"]]
        assert json.loads(found["left_out"]) == case.get("left_out", {}), name
        assert list(json.loads(found["ignored"])) == ([case["ignored"]] if "ignored" in case else []), name
        assert found["clocks_not_set"] == case.get("clocks", 0), name
    rejected = [case for case in READINGS.values() if "rejected" in case]
    assert sum(topic["rejected"] for topic in topics) == len(rejected)
    assert letters


def _topics_with_the_last(env: dict[str, str]) -> list[dict[str, Any]]:
    topics: list[dict[str, Any]] = json.loads(_qctl(env, "ingest", "topics", "--limit", "1000", "-o", "json"))["topics"]
    return topics if LAST_TOPIC in {topic["topic"] for topic in topics} else []


def _qctl(env: dict[str, str], *words: str) -> str:
    done = subprocess.run(
        [str(BIN / "qctl"), *words], env={**os.environ, **env}, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_numbers_of_messages_are_series_in_victoriametrics(
    tmp_path: Path, own_mosquitto: Mosquitto, victoria: VictoriaMetrics, env: dict[str, str]
) -> None:
    env |= {"INFLUX_URL": victoria.url, "INFLUX_TOKEN": "any", "ORG": "o", "BUCKET": "b"}
    env |= {"QCTL_READINGS_TEXT": "false"}
    with daemons_running(tmp_path, env):
        publish(own_mosquitto)
        eventually(lambda: victoria.series(f'{{topic="{LAST_TOPIC}"}}'), what="the last message")
        wanted = {
            (case["topic"], f"sensors_{name}", float(value))
            for case in READINGS.values()
            for row in case["rows"]
            for name, value in row["fields"].items()
            if not isinstance(value, str)
        }
        topics = {case["topic"] for case in READINGS.values()}
        found = {
            (series["metric"]["topic"], series["metric"]["__name__"], float(value))
            for series in victoria.series('{__name__=~"sensors_.+"}')
            if series["metric"]["topic"] in topics
            for value in series["values"]
        }
    # It keeps milliseconds: of readings without times in one message, the last one.
    assert found <= wanted
    assert {series[:2] for series in found} == {series[:2] for series in wanted}


def daemons_running(folder: Path, env: dict[str, str]) -> ExitStack:
    """The bridge and the worker, running."""
    stack = ExitStack()
    for program in daemons(folder, env):
        stack.enter_context(program)
    return stack


def test_messages_of_clients_are_the_rows_of_their_files_in_mariadb(
    tmp_path: Path, own_redis: RedisServer, mariadb: MariaDb
) -> None:
    settings = {"REDIS_URL": own_redis.url, "QCTL_HOME": str(tmp_path), "LOG_FORMAT": "text", **mariadb.environ}
    worker = Program(
        "worker", [str(BIN / "qctl-worker"), "socket-data"], tmp_path, env=settings, says="takes jobs from"
    )
    messages = cases("messages")
    with (
        worker,
        Batcher(tmp_path, own_redis.url, **mariadb.environ) as batcher,
        Sender(batcher.url) as sender,
    ):
        for name, case in messages.items():
            answer = sender.ask(case["content"])
            assert answer["ok"] == ("row" in case), name
            assert re.search(case.get("rejected", ""), answer.get("reason", "")), (name, answer)
        # The column DATETIME keeps whole seconds.
        wanted = sorted((*case["row"][:3], case["row"][3][:19]) for case in messages.values() if "row" in case)
        query = "SELECT msg_id, message, user_id, timestamp FROM messages"
        eventually(lambda: _rows(mariadb, query) == wanted, what="the rows of the files")


def _rows(mariadb: MariaDb, query: str) -> list[tuple[str, ...]]:
    if not mariadb.run("SHOW TABLES LIKE 'messages'"):
        return []
    return sorted((*row[:3], row[3].isoformat()) for row in mariadb.run(query))
