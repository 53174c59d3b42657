"""Clear, restore and purge: every job is in one location at any moment."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from redis import Redis
from redis.exceptions import OutOfMemoryError, ResponseError

from qctl.broker.admin import trash
from qctl.broker.bookkeeping import events
from qctl.broker.redis import keys
from qctl.broker.redis.connection import connect
from qctl.broker.worker.claims import Claimant
from qctl.errors import NotFoundError, RefusedError
from qctl.models import ClearResult, Progress, RestoreResult, ignore_progress
from qctl.settings import Settings
from support import stock
from support.servers import RedisServer
from support.stock import Bomb
from support.waiting import PATIENCE_SECONDS, eventually


def clear(connection: Redis, queue: str = "mail", ttl: int = 3600) -> ClearResult:
    return trash.clear(connection, queue, actor="me@here", ttl=ttl, progress=ignore_progress)


def restore(connection: Redis, batch: str | None = None) -> RestoreResult:
    return trash.restore(connection, batch, actor="me@here", progress=ignore_progress)


def status(connection: Redis, job_id: str) -> str:
    return (connection.hget(keys.job(job_id), "status") or b"").decode()


def counted(connection: Redis, event: str) -> int:
    """Sum the jobs of all events of a name."""
    return sum(int(other.fields["count"]) for other in events.newest(connection, 100) if other.event == event)


def test_clear_and_restore_keep_the_order(connection: Redis, tmp_path: Path) -> None:
    bomb = Bomb(tmp_path / "went off")
    ids = [stock.enqueue(connection, "mail", f"j{n}", bomb).id for n in range(5)]
    before = {id_: connection.hgetall(keys.job(id_)) for id_ in ids}
    cleared = clear(connection)
    assert (cleared.removed, cleared.purged) == (5, False)
    assert re.fullmatch(r"\d{8}-\d{6}-[0-9a-z]{4}", cleared.batch or "")
    assert stock.waiting(connection, "mail") == []
    assert {status(connection, id_) for id_ in ids} == {"canceled"}
    (batch,) = trash.batches(connection)
    assert (batch.id, batch.queue, batch.verb, batch.by, batch.count) == (cleared.batch, "mail", "clear", "me@here", 5)
    assert (batch.expires_at - batch.at).total_seconds() == 3600
    stock.enqueue(connection, "mail", "new")
    assert restore(connection) == RestoreResult(batch.id, "mail", 5)
    assert stock.waiting(connection, "mail") == [*ids, "new"]
    assert {id_: connection.hgetall(keys.job(id_)) for id_ in ids} == before
    assert connection.exists(keys.TRASH, keys.trash(batch.id), keys.trash_jobs(batch.id)) == 0
    assert [event.event for event in events.newest(connection, 10)] == ["cleared", "restored"]
    assert not bomb.went_off
    assert bomb.proves_itself()


def test_clear_takes_only_waiting_jobs(connection: Redis) -> None:
    stock.enqueue(connection, "mail", "waits")
    stock.die(connection, stock.enqueue(connection, "mail", "dead"))
    connection.zadd(keys.scheduled("mail"), {"later": 1})
    connection.zadd(keys.started("mail"), {"runs:0123456789abcdef": 4_000_000_000})
    connection.rpush(keys.intermediate("mail"), "claimed")
    stock.enqueue(connection, "mail.high", "lane")
    assert clear(connection).removed == 1
    assert stock.waiting(connection, "mail.high") == ["lane"]
    left = (keys.scheduled, keys.started, keys.intermediate, keys.failed)
    assert connection.exists(*(key("mail") for key in left)) == 4
    assert status(connection, "dead") == "failed"


def test_clearing_an_empty_queue_creates_no_batch(connection: Redis) -> None:
    assert clear(connection) == ClearResult("mail", 0, None)
    assert trash.purge(connection, "mail", actor="me@here", progress=ignore_progress) == ClearResult(
        "mail", 0, None, purged=True
    )
    assert connection.exists(keys.TRASH, keys.EVENTS) == 0


def test_hundred_thousand_jobs_are_cleared_in_small_calls(connection: Redis) -> None:
    ids = stock.fill(connection, "mail", 100_000)
    reported: list[tuple[int, int | None]] = []
    result = trash.clear(connection, "mail", actor="me@here", ttl=60, progress=lambda *now: reported.append(now))
    assert result.removed == 100_000
    assert reported == [(n, 100_000) for n in range(trash.JOBS_PER_CALL, 100_001, trash.JOBS_PER_CALL)]
    assert restore(connection).restored == 100_000
    assert stock.waiting(connection, "mail") == ids
    assert {status(connection, id_) for id_ in ids[::777]} == {"queued"}


def test_clear_takes_no_job_enqueued_meanwhile(connection: Redis) -> None:
    stock.fill(connection, "mail", trash.JOBS_PER_CALL + 1)

    def producer(done: int, total: int | None) -> None:
        connection.rpush(keys.queue("mail"), *(f"late-{done}-{n}" for n in range(trash.JOBS_PER_CALL)))

    result = trash.clear(connection, "mail", actor="me@here", ttl=60, progress=producer)
    assert result.removed == trash.JOBS_PER_CALL + 1
    assert len(stock.waiting(connection, "mail")) == 2 * trash.JOBS_PER_CALL


def interrupt_after(steps: int) -> Progress:
    def progress(done: int, total: int | None) -> None:
        if done >= steps * trash.JOBS_PER_CALL:
            raise KeyboardInterrupt

    return progress


def test_interrupted_clear_and_restore_lose_no_job(connection: Redis) -> None:
    ids = stock.fill(connection, "mail", 3 * trash.JOBS_PER_CALL)
    with pytest.raises(KeyboardInterrupt):
        trash.clear(connection, "mail", actor="me@here", ttl=60, progress=interrupt_after(2))
    (batch,) = trash.batches(connection)
    assert batch.count == 2 * trash.JOBS_PER_CALL
    assert stock.waiting(connection, "mail") == ids[2 * trash.JOBS_PER_CALL :]
    assert counted(connection, "cleared") == 2 * trash.JOBS_PER_CALL

    assert clear(connection).removed == trash.JOBS_PER_CALL
    assert stock.waiting(connection, "mail") == []
    second = next(other for other in trash.batches(connection) if other.id != batch.id)
    restore(connection, second.id)

    with pytest.raises(KeyboardInterrupt):
        trash.restore(connection, batch.id, actor="me@here", progress=interrupt_after(1))
    assert stock.waiting(connection, "mail") == ids[trash.JOBS_PER_CALL :]
    assert trash.batches(connection)[0].count == trash.JOBS_PER_CALL
    assert restore(connection).restored == trash.JOBS_PER_CALL
    assert stock.waiting(connection, "mail") == ids
    assert trash.batches(connection) == []


def test_concurrent_restores_of_a_batch_restore_it_once(connection: Redis, redis_server: RedisServer) -> None:
    ids = [f"j{n}" for n in range(2000)]
    for id_ in ids:
        stock.enqueue(connection, "mail", id_)
    batch = clear(connection).batch
    together = Barrier(4)

    def put_back(_number: int) -> int:
        with redis_server.connect() as mine:
            together.wait(PATIENCE_SECONDS)
            try:
                return restore(mine, batch).restored
            except NotFoundError:  # the others were done by then
                return 0

    with ThreadPoolExecutor(4) as pool:
        counts = list(pool.map(put_back, range(4)))
    assert sum(counts) == 2000
    assert stock.waiting(connection, "mail") == ids
    assert trash.batches(connection) == []
    assert counted(connection, "restored") == 2000


def test_job_enqueued_again_is_not_restored(connection: Redis) -> None:
    for id_ in ("again", "kept"):
        stock.enqueue(connection, "mail", id_)
    batch = clear(connection).batch
    stock.enqueue(connection, "mail", "again", "new arguments")
    assert restore(connection, batch).restored == 1
    assert stock.waiting(connection, "mail") == ["kept", "again"]
    discarded = next(event for event in events.newest(connection, 9) if event.event == "discarded")
    assert (discarded.fields["job"], discarded.fields["reason"]) == ("again", "it was enqueued again meanwhile")


def test_expiry_keeps_jobs_enqueued_or_cleared_again(connection: Redis) -> None:
    for id_ in ("lives", "twice", "gone"):
        stock.enqueue(connection, "mail", id_)
    first = clear(connection, ttl=3600).batch
    stock.enqueue(connection, "mail", "twice")
    second = clear(connection, ttl=3600).batch
    stock.enqueue(connection, "mail", "lives")
    assert trash.expire(connection) == 0
    connection.zadd(keys.TRASH, {str(first): 1})
    assert trash.expire(connection) == 3
    assert connection.exists(keys.job("gone")) == 0
    assert status(connection, "lives") == "queued"
    assert [batch.id for batch in trash.batches(connection)] == [second]
    assert restore(connection).restored == 1
    assert stock.waiting(connection, "mail") == ["twice", "lives"]


def test_expiry_deletes_up_to_a_limit(connection: Redis) -> None:
    stock.fill(connection, "mail", 1200)
    batch = clear(connection).batch
    connection.zadd(keys.TRASH, {str(batch): 1})
    assert [trash.expire(connection, limit=700) for _ in range(3)] == [700, 500, 0]
    assert connection.exists(keys.TRASH, keys.trash(str(batch)), keys.job("job-0"), keys.job("job-1199")) == 0
    assert counted(connection, "purged") == 1200
    assert events.newest(connection, 1)[0].fields == {
        "queue": "mail",
        "count": "100",
        "actor": "time",
        "reason": f"trash {batch}",
    }


def test_damaged_jobs_are_cleared_and_restored_unchanged(connection: Redis) -> None:
    stock.enqueue(connection, "mail", "good")
    connection.set(keys.job("text"), "text")
    connection.hset(keys.job("bare"), "x", "y")
    connection.rpush(keys.queue("mail"), "text", "bare", "gone", "j\udcff")
    connection.hset(keys.job("j\udcff"), "status", "queued")
    assert clear(connection).removed == 5
    assert restore(connection).restored == 4
    assert stock.waiting(connection, "mail") == ["good", "text", "bare", "j\udcff"]
    assert connection.get(keys.job("text")) == b"text"
    assert events.newest(connection, 2)[0].fields["reason"] == "its data is gone"


def test_id_that_waits_twice_is_restored_once(connection: Redis) -> None:
    stock.enqueue(connection, "mail", "j")
    connection.rpush(keys.queue("mail"), "j")
    assert clear(connection).removed == 2
    assert restore(connection).restored == 1
    assert stock.waiting(connection, "mail") == ["j"]


def test_running_job_keeps_its_hash(connection: Redis) -> None:
    stock.enqueue(connection, "mail", "runs", "x")
    connection.hset(keys.job("runs"), "status", "started")
    clear(connection)
    assert status(connection, "runs") == "started"
    assert restore(connection).restored == 0
    connection.rpush(keys.queue("mail"), "runs")
    trash.purge(connection, "mail", actor="me@here", progress=ignore_progress)
    assert status(connection, "runs") == "started"


def test_purge_deletes_all_data(connection: Redis) -> None:
    ids = stock.fill(connection, "mail", 700)
    connection.xadd(keys.results(ids[0]), {"type": 1})
    connection.sadd(keys.dependents(ids[0]), "other")
    connection.delete(keys.job(ids[1]))
    connection.set(keys.job(ids[1]), "text")
    reported: list[tuple[int, int | None]] = []
    result = trash.purge(connection, "mail", actor="me@here", progress=lambda *now: reported.append(now))
    assert result == ClearResult("mail", 700, None, purged=True)
    assert reported == [(200, 700), (400, 700), (600, 700), (700, 700)]
    *_, event = events.newest(connection, 9)
    assert (event.event, event.fields) == ("purged", {"queue": "mail", "count": "100", "actor": "me@here"})
    assert counted(connection, "purged") == 700
    counts = list(connection.scan_iter(keys.counts_prefix("mail") + "*"))
    assert set(connection.keys("*")) == {keys.QUEUES.encode(), keys.EVENTS.encode(), *counts}


def test_full_redis_can_be_purged(own_redis: RedisServer) -> None:
    connection = own_redis.connect()
    for n in range(20):
        connection.hset(keys.job(f"j{n}"), mapping={"status": "queued", "data": "x" * 200_000})
        connection.rpush(keys.queue("mail"), f"j{n}")
    connection.config_set("maxmemory", connection.info("memory")["used_memory"] - 500_000)
    with pytest.raises(OutOfMemoryError):
        connection.set("more", "x")
    assert trash.purge(connection, "mail", actor="me@here", progress=ignore_progress).removed == 20
    assert counted(connection, "purged") == 20
    connection.set("more", "x")
    connection.close()


def test_trash_is_emptied_by_batch_or_whole(connection: Redis) -> None:
    batches = []
    for n in range(3):
        stock.fill(connection, "mail", 10 * (n + 1))
        batches.append(clear(connection).batch)
    reported: list[tuple[int, int | None]] = []
    assert trash.empty(connection, batches[1], actor="me@here", progress=ignore_progress) == 20
    assert {batch.id for batch in trash.batches(connection)} == {batches[0], batches[2]}
    assert trash.empty(connection, None, actor="me@here", progress=lambda *now: reported.append(now)) == 40
    assert reported[-1] == (40, 40)
    assert trash.batches(connection) == []
    assert connection.keys(keys.trash("*")) == []


def test_missing_batch_is_not_found(connection: Redis) -> None:
    with pytest.raises(NotFoundError, match="empty"):
        restore(connection)
    for action in (trash.restore, trash.empty):
        with pytest.raises(NotFoundError, match="no trash batch x"):
            action(connection, "x", actor="me@here", progress=ignore_progress)


def test_batch_without_record_is_listed_and_not_restored(connection: Redis) -> None:
    stock.enqueue(connection, "mail", "j")
    batch = str(clear(connection).batch)
    connection.delete(keys.trash(batch))
    connection.set(keys.trash(batch), "text")
    assert [batch.count for batch in trash.batches(connection)] == [1]
    with pytest.raises(RefusedError, match="which queue"):
        restore(connection, batch)
    assert trash.expire(connection) == 0


@pytest.mark.parametrize("action", [clear, restore])
def test_wrong_type_stops_an_action_before_it_begins(connection: Redis, action: object) -> None:
    stock.enqueue(connection, "mail", "j")
    if action is restore:
        clear(connection)
        connection.set(keys.queue("mail"), "text")
    else:
        connection.set(keys.TRASH, "text")
    assert callable(action)
    with pytest.raises(ResponseError, match="WRONGTYPE"):
        action(connection)
    assert status(connection, "j") == ("canceled" if action is restore else "queued")


def test_removed_jobs_are_counted_until_restored(connection: Redis) -> None:
    def removed() -> int:
        return sum(
            int(value)
            for key in connection.scan_iter(keys.counts_prefix("mail") + "*")
            for field, value in connection.hgetall(key).items()
            if field.endswith(b".removed")
        )

    stock.fill(connection, "mail", 30)
    clear(connection)
    assert removed() == 30
    restore(connection)
    assert removed() == 0


def test_job_claimed_during_a_clear_is_not_in_the_trash(settings: Settings, connection: Redis) -> None:
    ids = stock.fill(connection, "mail", 4 * trash.JOBS_PER_CALL)
    taken: list[str] = []
    between, beside = Claimant(connect(settings)), Claimant(connect(settings))

    def take_some(claimant: Claimant) -> None:
        for _ in range(100):
            claim = claimant.claim(["mail"], None)
            if claim is not None:
                taken.append(claim.job_id)

    with ThreadPoolExecutor(1) as pool:
        worker = pool.submit(take_some, beside)
        batch = trash.clear(connection, "mail", actor="me@here", ttl=60, progress=lambda *_: take_some(between)).batch
        worker.result()
    cleared = [id_.decode() for id_ in connection.lrange(keys.trash_jobs(str(batch)), 0, -1)]
    # By Redis's own account: a claim whose reply is late goes back to the queue.
    claimed = [id_.decode() for id_ in connection.hkeys(keys.claims("mail"))]
    assert len(taken) > 100
    assert sorted([*claimed, *cleared, *stock.waiting(connection, "mail")]) == sorted(ids)


COUNT = 20 * trash.JOBS_PER_CALL


@pytest.mark.parametrize("action", ["clear", "purge"])
def test_full_redis_is_cleared_and_purged(own_redis: RedisServer, action: str) -> None:
    """Redis has no memory for an event. The action succeeds all the same, and a purge frees memory."""
    with own_redis.connect() as connection:
        stock.fill(connection, "mail", COUNT)
        most = connection.info("memory")["used_memory"] - 10_000
        connection.config_set("maxmemory", most)
        if action == "clear":
            result = trash.clear(connection, "mail", actor="me@here", ttl=60, progress=lambda _done, _total: None)
            assert connection.llen(keys.trash_jobs(str(result.batch))) == COUNT
        else:
            result = trash.purge(connection, "mail", actor="me@here", progress=lambda _done, _total: None)
            eventually(lambda: connection.info("memory")["used_memory"] < most, what="room")
        assert result.removed == COUNT
        assert connection.llen(keys.queue("mail")) == 0
