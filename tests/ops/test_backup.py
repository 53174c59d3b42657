"""Backups: written by reading only, restored unchanged; hostile or existing entries are rejected."""

from __future__ import annotations

import json
import pickle
from typing import Any

import pytest
from redis import Redis

from qctl.broker.redis import keys
from qctl.broker.worker import pauses
from qctl.models import RestoredBackup
from qctl.ops import Ops
from support import stock

PREFIXES = (
    "rq:job:",
    "rq:results:",
    "rq:failed:",
    "qctl:paused",
    "qctl:schedule",
    "qctl:trash",
    "qctl:cause",
    "qctl:quar",
)


def written(ops: Ops) -> list[str]:
    """Return the lines of a backup."""
    parts: list[str] = []
    ops.backup.write(parts.append)
    return "".join(parts).splitlines()


def back(ops: Ops, lines: list[str], **how: Any) -> RestoredBackup:
    return ops.backup.restore([f"{line}\n".encode() for line in lines], **how)


def backed_up_keys(connection: Redis) -> dict[bytes, Any]:
    """Return all keys that a backup covers, byte for byte."""
    readers = {
        b"hash": connection.hgetall,
        b"list": lambda key: connection.lrange(key, 0, -1),
        b"zset": lambda key: connection.zrange(key, 0, -1, withscores=True),
        b"stream": connection.xrange,
    }
    return {
        key: readers[connection.type(key)](key) for key in connection.scan_iter() if key.decode().startswith(PREFIXES)
    }


@pytest.fixture
def site(ops: Ops, connection: Redis) -> Ops:
    """Create an entry of every kind; waiting jobs are not part of a backup."""
    for n in range(3):
        stock.die(connection, stock.enqueue(connection, "mail", f"d{n}", json=True))
    connection.hset(keys.quarantine("mail"), "gone", json.dumps({"reason": "r", "at": 1, "by": "w", "recoveries": 3}))
    for n in range(3):
        stock.enqueue(connection, "old", f"t{n}", json=True)
    ops.queues.clear("old")
    ops.jobs.delete(ops.jobs.choose("discard", _ids("d2")))
    ops.queues.pause("mail", reason="deploy")
    pauses.pause(connection, "soon over", actor="ops@host", seconds=0.001)
    ops.schedules.add("nightly", "stock-check", cron="0 3 * * *", data={"businessId": 7})
    ops.schedules.add("held", "stock-check", every=60)
    ops.schedules.pause("held")
    return ops


def _ids(*ids: str) -> Any:
    from qctl.models import Selector

    return Selector(ids=ids)


def test_a_restoration_restores_everything(site: Ops, connection: Redis) -> None:
    connection.hdel(keys.PAUSED, "soon over")
    before = backed_up_keys(connection)
    lines = written(site)
    assert backed_up_keys(connection) == before
    connection.flushall()
    result = back(site, lines)
    assert (result.refused, result.whole) == (0, True)
    assert result.counts == {"pause": 1, "schedule": 2, "job": 3, "batch": 2, "trashed": 4}
    assert backed_up_keys(connection) == before
    site.trash.restore()
    site.trash.restore()
    assert stock.waiting(connection, "old") == ["t0", "t1", "t2"]
    assert site.dead_letters.count("mail") == 4


def test_a_second_restoration_changes_nothing(site: Ops, connection: Redis) -> None:
    lines = written(site)
    before = backed_up_keys(connection)
    result = back(site, lines)
    assert (result.counts, result.refused, result.lines) == ({}, 0, [])
    assert result.existing == len(lines) - 1
    assert backed_up_keys(connection) == before


def test_expired_entries_are_not_restored(site: Ops, connection: Redis) -> None:
    lines = written(site)
    connection.flushall()
    bad = {bad.reason for bad in back(site, lines).lines}
    assert bad == {"the pause of soon over is over"}
    connection.flushall()
    batches = [{**json.loads(line), "expires_at": 1} for line in lines if '"batch", "id"' in line]
    assert len(batches) == 2
    over = back(site, [json.dumps(batch) for batch in batches])
    assert {bad.reason.rpartition(" ")[2] for bad in over.lines} == {"expired"}
    assert connection.dbsize() == 0


def test_a_truncated_file_is_reported(site: Ops, connection: Redis) -> None:
    lines = written(site)
    connection.flushall()
    lines = [line for line in lines if "soon over" not in line]
    result = back(site, [*lines[:3], lines[3][:20]])
    assert sum(result.counts.values()) == 3
    assert not result.whole
    assert result.refused == 1


def test_a_dry_run_changes_nothing(site: Ops, connection: Redis) -> None:
    lines = written(site)
    connection.flushall()
    assert sum(back(site, lines, dry_run=True).counts.values()) == len(lines) - 1
    assert backed_up_keys(connection) == {}


BATCH = '{"schema": "qctl.backup.line/1", "kind": "batch", "id": "b", "expires_at": 9999999999999, "fields": %s}'


@pytest.mark.parametrize(
    "line",
    [
        "",
        "null",
        "[]",
        "{}",
        "{",
        '{"schema": "qctl.backup.line/1"}',
        '{"schema": "qctl.backup.line/1", "kind": "shell"}',
        '{"schema": "qctl.backup.line/1", "kind": ["pause"]}',
        '{"schema": "qctl.backup.line/1", "kind": "pause", "queue": "q", "pause": "x"}',
        '{"schema": "qctl.backup.line/1", "kind": "pause", "queue": 7, "pause": "{}"}',
        '{"schema": "qctl.backup.line/1", "kind": "schedule", "name": "a:b", "due": 1, "fields": {"a": "b"}}',
        '{"schema": "qctl.backup.line/1", "kind": "schedule", "name": "ab", "due": "x", "fields": {"a": "b"}}',
        '{"schema": "qctl.backup.line/1", "kind": "schedule", "name": "ab", "due": 1, "fields": {}}',
        '{"schema": "qctl.backup.line/1", "kind": "schedule", "name": "ab", "due": 1, "fields": {"data": "pickle"}}',
        BATCH % "{}",
        BATCH % '{"queue": "q"}',
        '{"schema": "qctl.backup.line/1", "kind": "trashed", "batch": "b", "job": null}',
        '{"schema": "qctl.backup.line/1", "kind": "trashed", "batch": "a:b", "job": {}}',
        "\ud800".encode("utf-8", "surrogatepass").decode("latin-1"),
    ],
)
def test_a_file_that_is_no_backup_is_rejected(ops: Ops, connection: Redis, line: str) -> None:
    result = back(ops, [line])
    assert (result.counts, result.refused) == ({}, 1)
    assert connection.dbsize() == 0


def test_a_trashed_job_needs_its_batch(site: Ops, connection: Redis) -> None:
    (line, *_) = [line for line in written(site) if '"trashed"' in line]
    connection.flushall()
    assert "there is no trash batch" in back(site, [line]).lines[0].reason
    other = json.loads(line)
    other["batch"] = "another"
    assert "is not in trash batch" in back(site, [json.dumps(other)]).lines[0].reason
    assert connection.dbsize() == 0


def test_pickled_schedules_are_restored_only_with_trust(site: Ops, connection: Redis) -> None:
    connection.hset(keys.schedule("nightly"), "data", pickle.dumps(("a", None, (), {})))
    lines = [line for line in written(site) if '"nightly"' in line]
    connection.flushall()
    assert "--trust" in back(site, lines).lines[0].reason
    assert back(site, lines, trust=True).counts == {"schedule": 1}
