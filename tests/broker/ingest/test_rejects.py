"""Rejected rows become dead letters: each once, in small transactions."""

from __future__ import annotations

import pytest
from redis import Redis
from rq.registry import FailedJobRegistry
from rq.serializers import JSONSerializer

from qctl.broker.bookkeeping.reject_records import Reject
from qctl.broker.ingest.rejects import REJECTS_PER_TRANSACTION, record_rejects
from qctl.broker.redis import keys
from qctl.broker.worker.guarded_job import GuardedJob
from qctl.catalog import JOBS, PIPELINES
from qctl.errors import RedisUnreachableError
from qctl.settings import Settings
from support.ingest import reason
from support.process import free_port

PIPELINE = PIPELINES["readings"]


def test_reject_is_a_dead_letter_that_runs_the_batch_job(settings: Settings, connection: Redis) -> None:
    record_rejects(settings, PIPELINE, [Reject("reject-1", ([{"topic": "t"}],), "no room")])
    letter = GuardedJob.fetch("reject-1", connection=connection, serializer=JSONSerializer)
    assert letter.func_name == JOBS["write-readings"].handler
    assert letter.args == [[{"topic": "t"}]]
    assert letter.origin == PIPELINE.queue
    assert reason(letter) == "no room"
    registry = FailedJobRegistry(PIPELINE.queue, connection=connection, serializer=JSONSerializer)
    assert registry.get_job_ids() == ["reject-1"]
    assert connection.ttl(keys.job("reject-1")) == -1


def test_repeated_rejects_are_recorded_once(settings: Settings, connection: Redis) -> None:
    rejects = [Reject(f"reject-{n}", ([n],), "bad") for n in range(2 * REJECTS_PER_TRANSACTION + 1)]
    record_rejects(settings, PIPELINE, rejects[:10])
    record_rejects(settings, PIPELINE, [*rejects, *rejects])
    assert connection.zcard(keys.failed(PIPELINE.queue)) == len(rejects)
    assert connection.hget(keys.ingest(PIPELINE.name), "rejected") == str(len(rejects)).encode()


def test_no_rejects_write_nothing(settings: Settings, connection: Redis) -> None:
    record_rejects(settings, PIPELINE, [])
    assert connection.keys() == []


def test_unreachable_redis_raises(settings: Settings) -> None:
    away = Settings.load(environ={"REDIS_URL": f"redis://127.0.0.1:{free_port()}"})
    with pytest.raises(RedisUnreachableError):
        record_rejects(away, PIPELINE, [Reject("reject-1", (), "bad")])
