"""Cleanup: what is deleted, what stays, and that two runs do not overlap."""

from __future__ import annotations

import os
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import OutOfMemoryError
from rq.job import Job, JobStatus
from rq.utils import utcformat

from qctl.broker.admin import trash
from qctl.broker.redis import keys, locks
from qctl.errors import NotFoundError, RefusedError, UsageError
from qctl.history import open_store
from qctl.models import CleanupResult, Event
from qctl.ops import Ops
from qctl.settings import Settings
from support import stock
from support.servers import RedisServer

HOUR = 3600.0


def finish(connection: Redis, queue: str, ages: dict[str, float | None]) -> None:
    """Create finished jobs that ended so many seconds ago; None: without an end time."""
    for name, age in ages.items():
        fields = {"status": "finished", "origin": queue, "data": "x"}
        if age is not None:
            fields["ended_at"] = utcformat(datetime.now(timezone.utc) - timedelta(seconds=age))
        connection.hset(keys.job(name), mapping=fields)
        connection.xadd(keys.results(name), {"value": "1"})
        connection.zadd(keys.finished(queue), {name: -1})
    connection.sadd(keys.QUEUES, keys.queue(queue))


def left(connection: Redis, queue: str) -> set[str]:
    return {id_.decode() for id_ in connection.zrange(keys.finished(queue), 0, -1)}


def test_finished_jobs_are_deleted_after_a_day_except_the_newest_hundred_of_each_queue(
    ops: Ops, connection: Redis
) -> None:
    """Wish 18 of tests/repo/test_wishes.py: RQ keeps finished jobs by time only; users want a count too."""
    finish(connection, "a", {f"a{n}": 25 * HOUR + n for n in range(105)} | {"new": HOUR})
    finish(connection, "b", {f"b{n}": 48 * HOUR for n in range(20)})
    assert ops.cleanup.run(["finished"], dry_run=True).count == 6
    assert len(left(connection, "a")) == 106
    (removed,) = ops.cleanup.run(["finished"]).removed
    assert removed == CleanupResult("finished", 6)
    # The hundred that stay are the newest of all.
    assert left(connection, "a") == {"new", *(f"a{n}" for n in range(99))}
    assert len(left(connection, "b")) == 20
    assert connection.exists(keys.job("a104"), keys.results("a104")) == 0
    assert connection.exists(keys.job("a98"), keys.results("a98")) == 2
    assert ops.cleanup.run(["finished"]).count == 0


@pytest.mark.parametrize(("keep", "stay"), [(0, {"new", "young"}), (1, {"new", "young"}), (3, {"new", "young", "old"})])
def test_kept_jobs_include_young_ones(ops: Ops, connection: Redis, keep: int, stay: set[str]) -> None:
    finish(connection, "a", {"new": 1, "young": 2, "old": 9000, "older": 9001, "oldest": 9002})
    ops.cleanup.run(["finished"], older_than=HOUR, keep=keep)
    assert left(connection, "a") == stay


def test_a_full_redis_is_cleaned(own_redis: RedisServer, tmp_path: Path) -> None:
    full = Ops(Settings.load(environ={"QCTL_HOME": str(tmp_path), "REDIS_URL": own_redis.url}))
    with own_redis.connect() as connection:
        finish(connection, "a", {"old": 25 * HOUR})
        connection.config_set("maxmemory", "1mb")
        with pytest.raises(OutOfMemoryError):
            connection.set("room", "none")
        assert full.cleanup.run(["finished", "results", "trash"], keep=0).removed[0] == CleanupResult("finished", 1)
        with locks.try_lock(connection, "cleanup", 30) as go_on:
            assert go_on
            go_on()
            with pytest.raises(RefusedError):
                full.cleanup.run(["finished"])
        assert not connection.exists(keys.lock("cleanup"))
    full.close()


def test_jobs_without_an_end_time_stay(ops: Ops, connection: Redis) -> None:
    finish(connection, "a", {"mute": None, "old": 2 * HOUR})
    connection.zadd(keys.finished("a"), {"gone": -1})
    connection.set(keys.job("text"), "text")
    connection.zadd(keys.finished("a"), {"text": -1})
    connection.set(keys.finished("b"), "text")
    connection.sadd(keys.QUEUES, keys.queue("b"))
    assert ops.cleanup.run(["finished"], older_than=HOUR, keep=0).count == 1
    assert left(connection, "a") == {"mute", "gone", "text"}


def test_a_job_that_was_enqueued_again_keeps_its_data(ops: Ops, connection: Redis) -> None:
    finish(connection, "a", {"again": 2 * HOUR})
    connection.hset(keys.job("again"), "status", "queued")
    ops.cleanup.run(["finished"], older_than=HOUR, keep=0)
    assert connection.hget(keys.job("again"), "status") == b"queued"
    assert not left(connection, "a")


def test_cleanup_of_selected_queues_leaves_the_others(ops: Ops, connection: Redis) -> None:
    for queue in ("email", "email.low", "other"):
        finish(connection, queue, {f"{queue.replace('.', '-')}-old": 2 * HOUR})
    assert ops.cleanup.run(["finished"], older_than=HOUR, keep=0, queues=["email"]).count == 2
    assert left(connection, "other") == {"other-old"}
    with pytest.raises(NotFoundError):
        ops.cleanup.run(["finished"], queues=["emial"])


def test_old_dead_letters_move_to_the_trash_and_can_be_restored(ops: Ops, connection: Redis) -> None:
    for n in range(55):
        job = stock.enqueue(connection, "mail", f"d{n}", json=True)
        stock.die(connection, job)
        ended = datetime.now(timezone.utc) - timedelta(days=8, seconds=n)
        connection.hset(keys.job(job.id), "ended_at", utcformat(ended))
    assert ops.cleanup.run(["failed"], dry_run=True).count == 5
    (removed,) = ops.cleanup.run(["failed"]).removed
    assert (removed.count, ops.dead_letters.count()) == (5, 50)
    assert {id_.decode() for id_ in connection.zrange(keys.failed("mail"), 0, -1)} == {f"d{n}" for n in range(50)}
    assert removed.batch is not None
    ops.trash.restore(removed.batch)
    assert ops.dead_letters.count() == 55
    assert Job.fetch("d54", connection=connection).get_status() == JobStatus.FAILED


def test_a_rejected_message_has_its_own_age(ops: Ops, connection: Redis) -> None:
    job = stock.enqueue(connection, "mail", "refused", json=True)
    stock.die(connection, job)
    connection.hdel(keys.job("refused"), "ended_at")
    assert ops.cleanup.run(["failed"], older_than=HOUR, keep=0).count == 0
    connection.hset(keys.job("refused"), "created_at", "2026-01-01T00:00:00.000000Z")
    assert ops.cleanup.run(["failed"], older_than=HOUR, keep=0).count == 1


def test_results_without_a_job_are_deleted(ops: Ops, connection: Redis) -> None:
    finish(connection, "a", {"here": HOUR})
    for n in range(3):
        connection.xadd(keys.results(f"gone-{n}"), {"value": "1"})
    assert ops.cleanup.run(["results"], dry_run=True).count == 3
    assert ops.cleanup.run(["results"]).count == 3
    assert connection.exists(keys.results("here")) == 1


def test_only_old_files_directly_in_the_folder_are_deleted(ops: Ops, settings: Settings, tmp_path: Path) -> None:
    folder = settings.exports
    assert ops.cleanup.run(["reports", "exports"]).count == 0
    folder.mkdir()
    for name in ("report-a.csv", "export-a.csv", "export-new.csv"):
        (folder / name).write_text("12345")
    (tmp_path / "secret").write_text("x")
    (folder / "link").symlink_to(tmp_path / "secret")
    (folder / "inner").mkdir()
    long_ago = time.time() - 40 * 86400
    for name in ("report-a.csv", "export-a.csv", "inner"):
        os.utime(folder / name, (long_ago, long_ago))
    os.utime(tmp_path / "secret", (long_ago, long_ago))
    os.utime(folder / "link", (long_ago, long_ago), follow_symlinks=False)
    assert ops.cleanup.run(["reports", "exports"], dry_run=True).count == 2
    assert ops.cleanup.run(["reports", "exports"]).removed == [
        CleanupResult("reports", 1, 5),
        CleanupResult("exports", 1, 5),
    ]
    assert {each.name for each in folder.iterdir()} == {"export-new.csv", "link", "inner"}
    assert (tmp_path / "secret").exists()


def test_images_without_a_message_are_deleted(ops: Ops, settings: Settings) -> None:
    settings.uploads.mkdir()
    (settings.uploads / "chat-gone.png").write_text("12345")
    assert ops.cleanup.run(["images"]).count == 0
    os.utime(settings.uploads / "chat-gone.png", (1, 1))
    assert ops.cleanup.run(["images"], dry_run=True).removed == [CleanupResult("images", 1, 5)]
    assert ops.cleanup.run(["images"]).removed == [CleanupResult("images", 1, 5)]
    assert list(settings.uploads.iterdir()) == []


def test_old_events_of_the_history_are_deleted(ops: Ops, settings: Settings) -> None:
    store = open_store(settings)
    old, new = int((time.time() - 100 * 86400) * 1000), int(time.time() * 1000)
    store.write([Event(f"{old + n}-0", "finished", {"queue": "a", "job": f"j{n}"}) for n in range(3)])
    store.write([Event(f"{new}-0", "finished", {"queue": "a", "job": "j"})])
    assert ops.cleanup.run(["history"], dry_run=True).count == 3
    assert ops.cleanup.run(["history"]).count == 3
    assert len(store.events_of_job("j")) == 1
    store.close()


def test_expired_trash_is_deleted(ops: Ops, connection: Redis) -> None:
    stock.fill(connection, "a", 3)
    trash.clear(connection, "a", actor="me", ttl=0, progress=lambda _done, _total: None)
    assert ops.cleanup.run(["trash"], dry_run=True).count == 3
    assert ops.cleanup.run(["trash"]).count == 3
    assert ops.trash.list() == []


def test_all_kinds_are_cleaned_once(ops: Ops, connection: Redis) -> None:
    finish(connection, "a", {f"a{n}": 25 * HOUR for n in range(101)})
    found = ops.cleanup.run()
    assert {each.kind for each in found.removed} == {
        *("finished", "failed", "results", "reports", "exports", "images", "history", "trash"),
    }
    assert (found.count, ops.cleanup.run().count) == (1, 0)


def test_two_runs_do_not_overlap(ops: Ops, connection: Redis) -> None:
    finish(connection, "a", {"old": 2 * HOUR})
    with locks.try_lock(connection, "cleanup", 60) as go_on:
        assert go_on is not None
        with pytest.raises(RefusedError, match="another cleanup is running"):
            ops.cleanup.run(["finished"], older_than=HOUR, keep=0)
        assert ops.cleanup.run(["finished"], older_than=HOUR, keep=0, dry_run=True).count == 1
    assert ops.cleanup.run(["finished"], older_than=HOUR, keep=0).count == 1


def test_an_interrupted_run_releases_the_lock_and_can_be_repeated(ops: Ops, connection: Redis) -> None:
    finish(connection, "a", {f"a{n}": 2 * HOUR for n in range(450)})

    def interrupt(_done: int, _total: int | None) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ops.cleanup.run(["finished"], older_than=HOUR, keep=0, progress=interrupt)
    assert len(left(connection, "a")) == 250
    assert ops.cleanup.run(["finished"], older_than=HOUR, keep=0).count == 250


def test_a_failure_of_one_kind_does_not_stop_the_others(ops: Ops, connection: Redis, settings: Settings) -> None:
    finish(connection, "a", {f"a{n}": 25 * HOUR for n in range(101)})
    settings.exports.write_text("no folder")
    found = {each.kind: each for each in ops.cleanup.run().removed}
    assert found["finished"].count == 1
    assert "cannot be read" in (found["reports"].problem or "")


@pytest.mark.parametrize("wrong", [{"older_than": -1.0}, {"keep": -1}])
def test_invalid_limits_are_refused(ops: Ops, wrong: dict[str, float]) -> None:
    with pytest.raises(UsageError):
        ops.cleanup.run(["finished"], **wrong)  # type: ignore[arg-type]
