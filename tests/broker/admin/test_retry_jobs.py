"""Retries of dead letters: each runs once, however often it is retried, and with any damage."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from redis import Redis
from rq.job import Job
from rq.queue import Queue
from rq.rate_limit import RateLimit, RateLimitRegistry

from qctl.broker.admin import bulk
from qctl.broker.admin.retry_jobs import Retry
from qctl.broker.bookkeeping import events
from qctl.broker.query import dead_letters, job_locations
from qctl.broker.redis import job_fields, keys, untrusted_fields
from qctl.broker.redis.connection import connect
from qctl.models import ChosenJobs, Outcome, Progress, Selection, ignore_progress
from qctl.settings import Settings
from support import stock
from support.ingest import stage_letter
from support.stock import Bomb
from support.waiting import PATIENCE_SECONDS


def retry(connection: Redis, *ids: str, queue: str = "mail") -> list[Outcome]:
    """Retry jobs by id, and return their outcomes in that order."""
    chosen = Selection([ChosenJobs(queue, "failed", [untrusted_fields.encode(id_) for id_ in ids])])
    return run(connection, chosen)


def run(connection: Redis, chosen: Selection, progress: Progress = ignore_progress) -> list[Outcome]:
    outcomes = bulk.run(connection, chosen, Retry("me@here"), progress=progress).outcomes
    order = [untrusted_fields.decode(id_) for part in chosen.chosen for id_ in part.ids]
    return sorted(outcomes, key=lambda outcome: order.index(outcome.id))


def dead(connection: Redis) -> list[bytes]:
    return [entry.id for page in job_locations.read(connection, "mail", "failed") for entry in page]


def quarantine(connection: Redis, job_id: str) -> None:
    connection.hset(keys.quarantine("mail"), job_id, json.dumps({"reason": "r", "at": 1, "by": "w", "recoveries": 3}))


def test_stock_letter_goes_back_to_the_tail(connection: Redis, tmp_path: Path) -> None:
    bomb = Bomb(tmp_path / "went off")
    stock.die(connection, stock.enqueue(connection, "mail", "j", bomb))
    stock.enqueue(connection, "mail", "first")
    assert retry(connection, "j") == [Outcome("j", "mail", True)]
    assert stock.waiting(connection, "mail") == ["first", "j"]
    assert connection.exists(keys.failed("mail")) == 0
    assert connection.ttl(keys.job("j")) == -1
    assert not bomb.went_off
    job = Job.fetch("j", connection=connection)
    assert job.get_status() == "queued"
    assert job.started_at is job.ended_at is None
    assert job.enqueued_at is not None
    assert job.enqueued_at >= job.created_at
    (event,) = events.newest(connection, 1)
    assert (event.event, event.fields) == ("requeued", {"queue": "mail", "job": "j", "actor": "me@here"})


def test_repeated_retry_runs_a_job_once(connection: Redis) -> None:
    stock.die(connection, stock.enqueue(connection, "mail", "j"))
    assert sorted(outcome.done for outcome in retry(connection, "j", "j")) == [False, True]
    assert retry(connection, "j") == [Outcome("j", "mail", False, "it is not there any more")]
    assert stock.waiting(connection, "mail") == ["j"]


def test_concurrent_retries_run_each_job_once(settings: Settings, connection: Redis) -> None:
    ids = [f"j{n}" for n in range(150)]
    for id_ in ids:
        connection.hset(keys.job(id_), mapping={"status": "failed", "data": "x"})
    connection.zadd(keys.failed("mail"), dict.fromkeys(ids, -1))
    together = Barrier(2)

    def operator() -> int:
        own = connect(settings)
        together.wait(PATIENCE_SECONDS)
        done = sum(outcome.done for id_ in ids for outcome in retry(own, id_))
        own.close()
        return done

    with ThreadPoolExecutor(2) as pool:
        shares = [share.result() for share in [pool.submit(operator) for _ in range(2)]]
    assert sum(shares) == len(ids)
    assert sorted(stock.waiting(connection, "mail")) == sorted(ids)


def test_retried_letter_leaves_the_index_of_causes(connection: Redis) -> None:
    with connection.pipeline() as pipe:
        for id_ in ("a", "b"):
            stage_letter(pipe, "mail", "app.take", [], "ValueError: no", id_)
        pipe.execute()
    (fingerprint,) = (name.decode() for name in connection.hkeys(keys.causes("mail")))
    retry(connection, "a")
    assert connection.zrange(keys.cause("mail", fingerprint), 0, -1) == [b"b"]
    assert connection.hget(keys.job("a"), job_fields.FINGERPRINT) is None
    assert connection.hlen(keys.causes("mail")) == 1
    retry(connection, "b")
    assert connection.exists(keys.causes("mail"), keys.cause("mail", fingerprint)) == 0


def test_retry_from_quarantine_resets_recoveries(connection: Redis) -> None:
    job = stock.enqueue(connection, "mail", "q")
    stock.die(connection, job)
    connection.zrem(keys.failed("mail"), "q")
    quarantine(connection, "q")
    connection.hset(keys.recoveries("mail"), "q", 3)
    connection.hset(keys.claims("mail"), "q", "dead.1.x|1")
    connection.rpush(keys.intermediate("mail"), "q", "other")
    assert retry(connection, "q")[0].done
    assert stock.waiting(connection, "mail") == ["q"]
    left = (keys.quarantine("mail"), keys.recoveries("mail"), keys.claims("mail"))
    assert connection.exists(*left) == 0
    assert connection.lrange(keys.intermediate("mail"), 0, -1) == [b"other"]


@pytest.mark.parametrize("kind", ["dead", "quarantined"])
def test_job_that_cannot_run_stays_with_a_reason(connection: Redis, kind: str) -> None:
    connection.set(keys.job("text"), "text")
    connection.hset(keys.job("empty"), "status", "failed")
    for id_ in ("gone", "text", "empty"):
        if kind == "dead":
            connection.zadd(keys.failed("mail"), {id_: -1})
        else:
            quarantine(connection, id_)
    assert {outcome.id: outcome.detail for outcome in retry(connection, "gone", "text", "empty")} == {
        "gone": "its data is gone; remove the entry with: qctl doctor --repair",
        "text": "it cannot be read",
        "empty": "it cannot be read",
    }
    assert dead_letters.count(connection, ["mail"]) == 3
    assert connection.exists(keys.queue("mail"), keys.EVENTS) == 0


@pytest.mark.parametrize("status", ["queued", "started", "scheduled", "finished"])
def test_letter_with_reused_id_is_left_alone(connection: Redis, status: str) -> None:
    stock.die(connection, stock.enqueue(connection, "mail", "j"))
    connection.hset(keys.job("j"), "status", status)
    assert retry(connection, "j") == [Outcome("j", "mail", False, f"it is {status}")]
    assert stock.waiting(connection, "mail") == []


@pytest.mark.parametrize("key", [keys.queue, keys.claims, keys.intermediate, keys.recoveries, keys.causes])
def test_key_of_wrong_type_leaves_the_letter_in_place(connection: Redis, key: object) -> None:
    assert callable(key)
    stock.die(connection, stock.enqueue(connection, "mail", "j"))
    stock.die(connection, stock.enqueue(connection, "other", "o"))
    connection.delete(key("mail"))
    connection.set(key("mail"), "text")
    outcomes = run(connection, Selection([ChosenJobs("mail", "failed", [b"j"]), ChosenJobs("other", "failed", [b"o"])]))
    assert [outcome.done for outcome in outcomes] == [False, True]
    assert "another type" in outcomes[0].detail
    assert connection.zscore(keys.failed("mail"), "j") is not None
    assert connection.hget(keys.job("j"), "status") == b"failed"


def test_hostile_fingerprint_reaches_no_other_key(connection: Redis) -> None:
    stock.die(connection, stock.enqueue(connection, "mail", "j"))
    connection.hset(keys.job("j"), job_fields.FINGERPRINT, "x")
    connection.set(keys.cause("mail", "x"), "text")
    assert retry(connection, "j")[0].done
    assert connection.get(keys.cause("mail", "x")) == b"text"


def test_interrupted_retry_can_be_repeated(connection: Redis) -> None:
    ids = stock.fill(connection, "mail", 3 * Retry.jobs_per_call + 1)
    connection.delete(keys.queue("mail"))
    for id_ in ids:
        connection.hset(keys.job(id_), "status", "failed")
    connection.zadd(keys.failed("mail"), dict.fromkeys(ids, -1))
    reported: list[tuple[int, int | None]] = []

    def interrupt(done: int, total: int | None) -> None:
        reported.append((done, total))
        if done >= 2 * Retry.jobs_per_call:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(connection, Selection([ChosenJobs("mail", "failed", dead(connection))]), interrupt)
    assert reported == [(Retry.jobs_per_call, len(ids)), (2 * Retry.jobs_per_call, len(ids))]
    assert connection.llen(keys.queue("mail")) == 2 * Retry.jobs_per_call
    assert connection.zcard(keys.failed("mail")) == Retry.jobs_per_call + 1
    retry(connection, *map(untrusted_fields.decode, dead(connection)))
    assert sorted(stock.waiting(connection, "mail")) == sorted(ids)


def test_letters_with_ids_that_are_not_utf8_are_retried(connection: Redis) -> None:
    queue, job_id = "q\udcff", "j\udc80\n"
    connection.hset(keys.job(job_id), mapping={"status": "failed", "data": "x"})
    connection.zadd(keys.failed(queue), {job_id: -1})
    assert retry(connection, job_id, queue=queue) == [Outcome(job_id, queue, True)]
    assert stock.waiting(connection, queue) == [job_id]


@pytest.fixture
def limited(connection: Redis) -> Iterator[Sequence[str]]:
    """Two dead jobs that share one slot."""
    for id_ in ("a", "b"):
        job = Queue("mail", connection=connection).enqueue("app.send", job_id=id_, rate_limit=RateLimit("smtp", 1))
        stock.die(connection, job)
    registry = RateLimitRegistry("smtp", connection)
    connection.delete(registry.allowed_key, registry.rate_limited_key, registry.config_key)
    return ("a", "b")


def test_retry_obeys_the_rate_limit(connection: Redis, limited: Sequence[str]) -> None:
    assert all(outcome.done for outcome in retry(connection, *limited))
    registry = RateLimitRegistry("smtp", connection)
    assert stock.waiting(connection, "mail") == ["a"]
    assert registry.get_rate_limited_job_ids() == ["b"]
    assert registry.release_and_enqueue("a") == ["b"]


def test_unreadable_rate_limit_leaves_the_letter_in_place(connection: Redis, limited: Sequence[str]) -> None:
    connection.set(RateLimitRegistry("smtp", connection).rate_limited_key, "text")
    outcomes = retry(connection, *limited)
    assert [(outcome.done, outcome.detail) for outcome in outcomes] == (
        [(False, "a key of its rate limit holds another type")] * 2
    )
    assert set(connection.zrange(keys.failed("mail"), 0, -1)) == {b"a", b"b"}
    assert connection.hget(keys.job("a"), "status") == b"failed"
