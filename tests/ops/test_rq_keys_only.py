"""A user who may access RQ's keys alone: gets what can be read, and is told what else is wanted."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from redis import Redis

from qctl.broker.redis import keys
from qctl.ops import Ops
from qctl.settings import Settings
from support import stock
from support.servers import RedisServer


@pytest.fixture
def ops(connection: Redis, redis_server: RedisServer, make_settings: Callable[..., Settings]) -> Iterator[Ops]:
    """`Ops` of a user who may do everything, with keys of RQ alone."""
    connection.execute_command("ACL", "SETUSER", "rq-only", "on", ">pw", "~rq:*", "&*", "+@all")
    operations = Ops(make_settings(REDIS_URL=redis_server.url.replace("unix://", "unix://rq-only:pw@")))
    yield operations
    operations.close()
    connection.execute_command("ACL", "DELUSER", "rq-only")


def test_reading_commands_show_what_is_there(ops: Ops, connection: Redis) -> None:
    stock.enqueue(connection, "mail", "waits")
    stock.die(connection, stock.enqueue(connection, "mail", "dead"))
    stock.register_worker(connection, "stock", "mail")
    connection.zadd(keys.started("mail"), {"runs:0123456789abcdef": 1})
    stats = ops.stats.read()
    mail = next(queue for queue in stats.queues if queue.name == "mail")
    assert (mail.waiting, mail.dead, mail.running, mail.abandoned, mail.workers) == (1, 1, 1, 0, 1)
    assert "~qctl:*" in stats.hidden
    assert [row.id for row in ops.jobs.list().rows if row.queue == "mail"][:1] == ["waits"]
    assert ops.jobs.show("waits").function == "app.tasks.send"
    assert [letter.id for letter in ops.dead_letters.list().letters] == ["dead"]
    assert [worker.name for worker in ops.workers.list()] == ["stock"]


def test_health_says_what_else_is_wanted(ops: Ops, connection: Redis) -> None:
    stock.enqueue(connection, "mail", "waits")
    findings = {finding.check: finding for finding in ops.health.check().findings}
    assert "~qctl:*" in findings["permissions"].reason
    assert findings["redis"].status == "ok"
    assert ops.doctor.examine().status in ("degraded", "down")
