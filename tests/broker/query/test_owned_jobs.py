"""Jobs as their owner sees them."""

from __future__ import annotations

import pytest
from redis import Redis

from qctl.broker.query import owned_jobs
from qctl.broker.redis import job_fields, keys
from qctl.service import QueueService
from qctl.settings import Settings

NOTE = {"receiverId": "r", "text": "hello"}


@pytest.fixture
def service(settings: Settings) -> QueueService:
    return QueueService(settings)


def test_own_jobs_are_listed_newest_first(service: QueueService, connection: Redis) -> None:
    ids = [service.enqueue("notify", NOTE, owner="ada", title=title) for title in ("One", "Two", None)]
    service.enqueue("notify", NOTE, owner="bob")
    service.enqueue("notify", NOTE)
    for n, id_ in enumerate(ids):
        connection.zadd(keys.owner_jobs("ada"), {id_: n})
    jobs = service.jobs_of("ada")
    assert [job.id for job in jobs] == ids[::-1]
    assert [job.name for job in jobs] == ["notify", "Two", "One"]
    assert {(job.owner, job.status, job.retries) for job in jobs} == {("ada", "pending", 0)}
    assert all(job.created and job.modified and job.created <= job.modified for job in jobs)
    assert service.jobs_of("nobody") == []


@pytest.mark.parametrize(
    ("status", "word"),
    [
        ("queued", "pending"),
        ("scheduled", "pending"),
        ("deferred", "pending"),
        ("started", "running"),
        ("finished", "completed"),
        ("failed", "dlq"),
        ("stopped", "failed"),
        ("canceled", "failed"),
    ],
)
def test_each_status_has_its_owned_status(service: QueueService, connection: Redis, status: str, word: str) -> None:
    id_ = service.enqueue("notify", NOTE, owner="ada")
    connection.hset(keys.job(id_), mapping={"status": status, "retries_left": 1})
    (job,) = service.jobs_of("ada")
    assert (job.status, job.retries) == (word, 2)


def test_job_in_the_trash_counts_as_failed(service: QueueService, connection: Redis) -> None:
    id_ = service.enqueue("notify", NOTE, owner="ada")
    connection.hset(keys.job(id_), job_fields.TRASH_BATCH, "a-batch")
    assert [job.status for job in owned_jobs.read(connection, "ada")] == ["failed"]


def test_damaged_and_expired_jobs_are_skipped(service: QueueService, connection: Redis) -> None:
    ids = [service.enqueue("notify", NOTE, owner="ada") for _ in range(4)]
    connection.delete(keys.job(ids[0]), keys.job(ids[1]))
    connection.set(keys.job(ids[1]), "no hash")
    connection.hset(keys.job(ids[2]), mapping={"retry_intervals": "[" * 9000, "created_at": "never"})
    jobs = {job.id: job for job in service.jobs_of("ada")}
    assert jobs.keys() == set(ids[2:])
    assert jobs[ids[2]].created is None


def test_list_of_owned_jobs_is_bounded(settings: Settings, connection: Redis) -> None:
    service = QueueService(settings)
    for _ in range(60):
        connection.delete(keys.owner_active("ada"), keys.owner_created("ada"))
        connection.delete(keys.job(service.enqueue("notify", NOTE, owner="ada")))
    assert connection.zcard(keys.owner_jobs("ada")) < 10
    assert 0 < connection.ttl(keys.owner_jobs("ada")) <= 30 * 86_400


def test_jobs_of_any_owner_are_read_by_id(service: QueueService) -> None:
    ada = service.enqueue("notify", NOTE, owner="ada")
    nobodys = service.enqueue("notify", NOTE)
    bob = service.enqueue("notify", NOTE, owner="bob")
    jobs = service.owned_jobs([bob, nobodys, "gone", ada])
    assert [(job.id, job.owner, job.status) for job in jobs] == [(bob, "bob", "pending"), (ada, "ada", "pending")]
    assert service.owned_jobs([]) == []
