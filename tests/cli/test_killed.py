"""SIGKILL during a command that works in steps: what its steps did is in the events and the audit, with a name."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from redis import Redis

from qctl.broker.admin import trash
from qctl.broker.bookkeeping import events
from qctl.broker.redis import job_fields, keys
from qctl.models import AuditEntry, ignore_progress
from qctl.ops import Ops
from qctl.settings import Settings
from support import stock
from support.servers import RedisServer
from support.waiting import PATIENCE_SECONDS, eventually

PROGRAM = str(Path(sys.executable).with_name("qctl"))

JOBS = 40_000

SLOW_JOBS = 5_000
"""Jobs of a command that changes one in each step."""

REPLAYED_JOBS = 8_000

STEP_JOBS = 200

LONG_AGO = "2026-01-01T00:00:00.000000Z"

EXPIRY = """
import os, signal
from qctl.broker.admin import trash
from qctl.broker.redis.connection import connect
from qctl.settings import Settings
trash.expire(connect(Settings.load()), limit=1_000_000)
"""

Start = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def start(own_redis: RedisServer, tmp_path: Path) -> Start:
    """Start a program with a Redis of its own."""

    def start_process(*command: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            command,
            env={**os.environ, "REDIS_URL": own_redis.url, "QCTL_HOME": str(tmp_path)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    return start_process


@pytest.fixture
def ops(own_redis: RedisServer, tmp_path: Path) -> Ops:
    environ = {"REDIS_URL": own_redis.url, "QCTL_HOME": str(tmp_path)}
    return Ops(Settings.load(environ=environ, dotenv=tmp_path / "no.env"))


def kill_under_way(process: subprocess.Popen[bytes], left: Callable[[], int]) -> int:
    """Kill a program once some of its steps are done. Returns how many jobs they changed."""
    before = left()
    eventually(lambda: before - left() >= 5 * STEP_JOBS, every=0.001)
    process.send_signal(signal.SIGKILL)
    assert process.wait(PATIENCE_SECONDS) == -signal.SIGKILL, "it had ended before it was killed"
    assert 0 < left() < before
    return before - left()


def count_events(connection: Redis, name: str) -> int:
    """Count the jobs of all events of a name; an event of one job has no count."""
    changes = events.search(connection, lambda event: event.event == name, limit=100_000)
    assert {event.fields["actor"] for event in changes} <= {events.actor(), "time"}
    return sum(int(event.fields.get("count", 1)) for event in changes)


def add_old(connection: Redis, location: str, status: str, count: int) -> None:
    """Make jobs that were last changed long ago. `location` is the registry, or the queue, that lists them."""
    ids = stock.fill(connection, "mail", count)
    with connection.pipeline(transaction=False) as pipe:
        for id_ in ids:
            fields = {"status": status, "created_at": LONG_AGO, "enqueued_at": LONG_AGO, "ended_at": LONG_AGO}
            pipe.hset(keys.job(id_), mapping=fields)
            if location != keys.queue("mail"):
                pipe.zadd(location, {id_: 4_000_000_000})
        pipe.execute()
    if location != keys.queue("mail"):
        connection.delete(keys.queue("mail"))


def only_entry(ops: Ops) -> AuditEntry:
    (entry,) = ops.audit.list()
    assert (entry.actor, entry.via) == (events.actor(), "cli")
    return entry


@pytest.mark.parametrize(
    ("words", "event"),
    [
        (("clear", "mail", "--confirm", "mail"), "cleared"),
        (("clear", "mail", "--purge", "--confirm", "mail"), "purged"),
        (("job", "delete", "--queue", "mail", "--yes"), "discarded"),
        (("job", "cancel", "--queue", "mail", "--yes"), "canceled"),
        (("job", "move", "--queue", "mail", "--to", "email", "--yes"), "moved"),
    ],
)
def test_killed_command_leaves_its_record(
    words: tuple[str, ...], event: str, start: Start, own_redis: RedisServer, ops: Ops
) -> None:
    with own_redis.connect() as connection:
        stock.fill(connection, "mail", JOBS)
        process = start(PROGRAM, *words)
        changed = kill_under_way(process, lambda: connection.llen(keys.queue("mail")))
        assert count_events(connection, event) == changed
        entry = only_entry(ops)
        assert (entry.outcome, entry.count, entry.line) == ("begun", changed, f"qctl {' '.join(words)}")


def test_killed_retry_leaves_its_record(start: Start, own_redis: RedisServer, ops: Ops) -> None:
    with own_redis.connect() as connection:
        for id_ in stock.fill(connection, "mail", 10_000):
            connection.hset(keys.job(id_), "status", "failed")
            connection.zadd(keys.failed("mail"), {id_: 2_000_000_000})
        connection.delete(keys.queue("mail"))
        process = start(PROGRAM, "retry", "--all", "--queue", "mail", "--yes")
        changed = kill_under_way(process, lambda: connection.zcard(keys.failed("mail")))
        assert count_events(connection, "requeued") == changed
        assert (only_entry(ops).outcome, only_entry(ops).count) == ("begun", changed)


def test_killed_replay_copies_each_job_once_when_it_is_repeated(start: Start, own_redis: RedisServer, ops: Ops) -> None:
    with own_redis.connect() as connection:
        ids = stock.fill(connection, "mail", REPLAYED_JOBS)
        for id_ in ids:
            connection.hset(keys.job(id_), mapping={"status": "finished", "created_at": LONG_AGO})
            connection.zadd(keys.finished("mail"), {id_: 4_000_000_000})
        connection.delete(keys.queue("mail"))
        words = ("job", "replay", "--queue", "mail", "--yes")
        process = start(PROGRAM, *words)
        eventually(lambda: connection.llen(keys.queue("mail")) >= STEP_JOBS, every=0.001)
        process.send_signal(signal.SIGKILL)
        assert process.wait(PATIENCE_SECONDS) == -signal.SIGKILL, "it had ended before it was killed"
        copied = connection.llen(keys.queue("mail"))
        assert 0 < copied < REPLAYED_JOBS
        assert count_events(connection, "created") == copied
        entry = only_entry(ops)
        assert (entry.outcome, entry.count, entry.line) == ("begun", copied, f"qctl {' '.join(words)}")
        assert start(PROGRAM, *words).wait(PATIENCE_SECONDS) == 0
        copies = connection.lrange(keys.queue("mail"), 0, -1)
        originals = {connection.hget(keys.job(copy.decode()), job_fields.REPLAYED_FROM) for copy in copies}
        assert len(copies) == len(originals) == REPLAYED_JOBS


@pytest.mark.parametrize(("verb", "event"), [("restore", "restored"), ("empty", "purged"), ("expire", "purged")])
def test_killed_act_on_the_trash_leaves_its_record(
    verb: str, event: str, start: Start, own_redis: RedisServer, ops: Ops
) -> None:
    with own_redis.connect() as connection:
        stock.fill(connection, "mail", JOBS)
        batch = str(trash.clear(connection, "mail", actor="me", ttl=3600, progress=ignore_progress).batch)
        if verb == "expire":
            connection.zadd(keys.TRASH, {batch: 1})
            process = start(sys.executable, "-c", EXPIRY)
        else:
            confirm = ["--confirm", "trash"] if verb == "empty" else [batch]
            process = start(PROGRAM, "trash", verb, *confirm)
        changed = kill_under_way(process, lambda: connection.llen(keys.trash_jobs(batch)))
        assert count_events(connection, event) == changed
        if verb == "expire":
            assert ops.audit.list() == []
        else:
            assert (only_entry(ops).outcome, only_entry(ops).count) == ("begun", changed)


@pytest.mark.parametrize("group", ["job", "dlq"])
def test_killed_import_leaves_its_record(
    group: str, start: Start, own_redis: RedisServer, ops: Ops, tmp_path: Path
) -> None:
    state, location = ("failed", keys.failed("mail")) if group == "dlq" else ("queued", keys.queue("mail"))
    file = str(tmp_path / "mail.jsonl")
    with own_redis.connect() as connection:
        add_old(connection, location, state, SLOW_JOBS)
        assert start(PROGRAM, group, "export", "--queue", "mail", "--to", file).wait(PATIENCE_SECONDS) == 0
        connection.flushall()
        size = connection.llen if group == "job" else connection.zcard
        process = start(PROGRAM, group, "import", file, "--trust")
        changed = kill_under_way(process, lambda: SLOW_JOBS - size(location))
        assert count_events(connection, "imported") == changed
        assert (only_entry(ops).outcome, only_entry(ops).count) == ("begun", changed)


def test_killed_repair_leaves_its_record(start: Start, own_redis: RedisServer, ops: Ops) -> None:
    with own_redis.connect() as connection:
        add_old(connection, keys.queue("mail"), "queued", SLOW_JOBS)
        connection.delete(keys.queue("mail"))
        process = start(PROGRAM, "doctor", "--repair")
        changed = kill_under_way(process, lambda: SLOW_JOBS - connection.llen(keys.queue("mail")))
        assert count_events(connection, "recovered") == changed
        assert (only_entry(ops).outcome, only_entry(ops).count) == ("begun", changed)


@pytest.mark.parametrize(("kind", "event"), [("finished", "purged"), ("failed", "discarded")])
def test_killed_cleanup_of_jobs_leaves_its_record(
    kind: str, event: str, start: Start, own_redis: RedisServer, ops: Ops
) -> None:
    with own_redis.connect() as connection:
        registry = keys.finished("mail") if kind == "finished" else keys.failed("mail")
        add_old(connection, registry, kind, JOBS)
        process = start(PROGRAM, "cleanup", kind, "--keep", "0")
        changed = kill_under_way(process, lambda: connection.zcard(registry))
        assert count_events(connection, event) == changed
        assert (only_entry(ops).outcome, only_entry(ops).count) == ("begun", changed)


def test_killed_cleanup_of_results_leaves_its_record(start: Start, own_redis: RedisServer, ops: Ops) -> None:
    with own_redis.connect() as connection:
        with connection.pipeline(transaction=False) as pipe:
            for n in range(JOBS):
                pipe.xadd(keys.results(f"job-{n}"), {"value": "1"})
            pipe.execute()
        process = start(PROGRAM, "cleanup", "results")
        changed = kill_under_way(process, lambda: len(connection.keys(keys.results("*"))))
        assert count_events(connection, "purged") == changed
        assert (only_entry(ops).outcome, only_entry(ops).count) == ("begun", changed)


def test_killed_cleanup_of_the_trash_leaves_its_record(start: Start, own_redis: RedisServer, ops: Ops) -> None:
    with own_redis.connect() as connection:
        stock.fill(connection, "mail", JOBS)
        batch = str(trash.clear(connection, "mail", actor="me", ttl=3600, progress=ignore_progress).batch)
        connection.zadd(keys.TRASH, {batch: 1})
        process = start(PROGRAM, "cleanup", "trash")
        changed = kill_under_way(process, lambda: connection.llen(keys.trash_jobs(batch)))
        assert count_events(connection, "purged") == changed
        assert (only_entry(ops).outcome, only_entry(ops).count) == ("begun", changed)


def test_killed_cleanup_of_files_leaves_its_record(
    start: Start, own_redis: RedisServer, ops: Ops, tmp_path: Path
) -> None:
    folder = tmp_path / "exports"
    folder.mkdir()
    for n in range(JOBS):
        (folder / f"report-{n}.csv").touch()
    with own_redis.connect():
        process = start(PROGRAM, "cleanup", "reports", "--older-than", "0s")
        changed = kill_under_way(process, lambda: len(os.listdir(folder)))
    entry = only_entry(ops)
    assert entry.outcome == "begun"
    assert entry.count is not None
    assert changed <= entry.count <= changed + STEP_JOBS


def test_cleanup_of_files_that_ends_has_their_number(
    start: Start, own_redis: RedisServer, ops: Ops, tmp_path: Path
) -> None:
    folder = tmp_path / "exports"
    folder.mkdir()
    for n in range(STEP_JOBS + 50):
        (folder / f"report-{n}.csv").touch()
    assert start(PROGRAM, "cleanup", "reports", "--older-than", "0s").wait(PATIENCE_SECONDS) == 0
    assert (only_entry(ops).outcome, only_entry(ops).count) == ("done", STEP_JOBS + 50)


def test_restore_after_a_killed_clear_knows_both_batches(start: Start, own_redis: RedisServer, ops: Ops) -> None:
    with own_redis.connect() as connection:
        ids = stock.fill(connection, "mail", JOBS)
        kill_under_way(
            start(PROGRAM, "clear", "mail", "--confirm", "mail"), lambda: connection.llen(keys.queue("mail"))
        )
        assert [batch.unfinished for batch in ops.trash.list()] == [True]
        ops.queues.clear("mail")
        assert [batch.unfinished for batch in ops.trash.list()] == [False, True]
        newest, killed = (batch.id for batch in ops.trash.list())
        result = ops.trash.restore()
        assert (result.batch, result.earlier, result.restored) == (newest, (killed,), JOBS)
        assert stock.waiting(connection, "mail") == ids


def test_command_that_ends_has_one_entry_with_its_count(start: Start, own_redis: RedisServer, ops: Ops) -> None:
    with own_redis.connect() as connection:
        stock.fill(connection, "mail", 1000)
        assert start(PROGRAM, "clear", "mail", "--confirm", "mail").wait(PATIENCE_SECONDS) == 0
        assert (only_entry(ops).outcome, only_entry(ops).count) == ("done", 1000)
        assert not list(connection.scan_iter(keys.act("*")))
