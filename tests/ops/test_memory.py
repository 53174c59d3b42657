"""The use of Redis's memory: by kind, by name of job, and the largest keys."""

from __future__ import annotations

import pytest
from redis import Redis
from rq.results import Result

from qctl.broker.redis import keys
from qctl.errors import UsageError
from qctl.models import MemoryUse
from qctl.ops import Ops
from qctl.service import QueueService
from qctl.settings import Settings
from support import stock


def sizes(use: MemoryUse) -> dict[str, int]:
    """Bytes by use."""
    return {share.kind: share.bytes for share in use.shares}


def test_every_key_of_a_small_site_is_measured(ops: Ops, connection: Redis) -> None:
    large = stock.enqueue(connection, "mail", "large", "x" * 50_000, json=True)
    Result.create(large, Result.Type.SUCCESSFUL, ttl=500, return_value="y" * 20_000)
    stock.die(connection, stock.enqueue(connection, "mail", "dead", json=True), "z" * 30_000)
    connection.rpush(keys.buffer("readings"), *["r" * 1000] * 10)
    connection.xadd(keys.EVENTS, {"type": "created"})
    connection.set("session:1", "w" * 5000)
    use = ops.memory.read()
    assert use.is_complete
    assert use.error == 0
    assert use.keys == connection.dbsize()
    assert use.bytes <= (use.used or 0)
    found = sizes(use)
    assert found["buffer"] > 10_000
    assert found["other"] > 5000
    assert {"payload", "result", "dead letter", "queue", "stream", "job record"} <= set(found)
    (send,) = use.names
    assert (send.name, send.jobs) == ("app.tasks.send", 2)
    assert send.payload + send.result + send.dead <= send.bytes
    assert use.largest[0].bytes >= use.largest[-1].bytes
    assert [key.job for key in use.largest if key.key == "rq:job:large"] == ["large"]


def test_a_sample_estimates_all_keys_within_its_error(ops: Ops, connection: Redis) -> None:
    stock.fill(connection, "mail", 4000)
    connection.rpush(keys.buffer("readings"), *["r" * 1000] * 100)
    whole, part = ops.memory.read(100_000), ops.memory.read(1000)
    assert whole.is_complete
    assert not part.is_complete
    assert abs(part.keys - whole.keys) <= 1
    assert part.measured < 1100
    assert sizes(part)["buffer"] == sizes(whole)["buffer"], "a key that there is one of is measured in every sample"
    assert abs(part.bytes - whole.bytes) <= 0.1 * whole.bytes
    assert part.names[0].jobs == pytest.approx(4000, rel=0.1)


def test_jobs_beyond_the_cap_are_refused_by_every_producer(settings: Settings, connection: Redis) -> None:
    capped = Settings.load({"REDIS_URL": settings.redis_target, "QCTL_MAX_JOB_BYTES": "1000"})
    with QueueService(capped) as service:
        for owner in (None, "ada"):
            with pytest.raises(UsageError, match="more than 1000"):
                service.notify(receiverId="x", text="x" * 1000, owner=owner)
    ops = Ops(capped)
    with pytest.raises(UsageError, match="QCTL_MAX_JOB_BYTES") as refused:
        ops.jobs.enqueue_function("app.send", ["x" * 1000])
    assert "file" in (refused.value.hint or "")
    with pytest.raises(UsageError, match="sample"):
        ops.memory.read(1)
    ops.close()
    assert not connection.keys("rq:job:*")
