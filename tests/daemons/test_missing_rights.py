"""Rights that an administrator takes away while jobs run, and gives back: no job is a dead letter, none runs twice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis
from rq import Queue
from rq.job import JobStatus
from rq.serializers import JSONSerializer

from support.servers import RedisServer
from support.waiting import eventually
from support.workers import qctl_worker

RIGHTS = ("multi", "hset", "evalsha", "zadd", "@write", "@scripting")


@pytest.fixture
def connection(own_redis: RedisServer) -> Iterator[Redis]:
    with own_redis.connect() as client:
        rules = {"keys": ["*"], "channels": ["*"], "categories": ["+@all"]}
        client.acl_setuser("app", enabled=True, passwords=["+pw"], **rules)
        yield client


def set_right(connection: Redis, right: str, *, allow: bool) -> None:
    connection.execute_command("ACL", "SETUSER", "app", f"{'+' if allow else '-'}{right}")


def count_refusals(connection: Redis) -> int:
    counts: dict[str, dict[str, int]] = connection.info("errorstats")
    return sum(counts.get(f"errorstat_{code}", {}).get("count", 0) for code in ("NOPERM", "ERR"))


@pytest.mark.parametrize("isolation", ["inline", "fork"])
@pytest.mark.parametrize("right", RIGHTS)
def test_a_job_whose_end_is_refused_ends_once_when_the_right_is_back(
    right: str, isolation: str, connection: Redis, own_redis: RedisServer, tmp_path: Path
) -> None:
    queue = Queue("work", connection=connection, serializer=JSONSerializer)
    jobs = [queue.enqueue("support.jobs.wait_at", own_redis.url, f"gate{n}") for n in range(3)]
    url = own_redis.tcp_url.replace("://", "://app:pw@")
    with qctl_worker(tmp_path, url, "work", isolation=isolation) as worker:
        eventually(lambda: connection.llen("gate0:started"), what="the first job")
        set_right(connection, right, allow=False)
        refused = count_refusals(connection)
        connection.rpush("gate0", "go")
        eventually(lambda: count_refusals(connection) > refused + 1, what="refused commands")
        set_right(connection, right, allow=True)
        connection.rpush("gate1", "go")
        connection.rpush("gate2", "go")
        eventually(
            lambda: all(job.get_status() == JobStatus.FINISHED for job in jobs), what=f"the ends\n{worker.output}"
        )
    runs = [connection.llen(f"gate{n}:started") for n in range(3)]
    assert runs == [1, 1, 1], worker.output
    assert queue.failed_job_registry.count == 0
