"""qctl-scheduler as a program: retries come when they are due, also after it was killed."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path

from redis import Redis
from rq.queue import Queue
from rq.serializers import JSONSerializer

from qctl.broker import keys
from support.process import Program
from support.servers import RedisServer
from support.waiting import eventually


def test_what_is_due_comes_also_after_a_kill(connection: Redis, redis_server: RedisServer, tmp_path: Path) -> None:
    queue = Queue("work", connection=connection, serializer=JSONSerializer)
    env = {"REDIS_URL": redis_server.url, "QCTL_HOME": str(tmp_path)}
    scheduler = Program(
        "scheduler", [str(Path(sys.executable).parent / "qctl-scheduler")], tmp_path, env=env, says="watches"
    )
    with scheduler:
        for expected in (1, 2):
            queue.enqueue_in(timedelta(seconds=1), "f")

            def came(expected: int = expected) -> bool:
                return int(connection.llen(keys.queue("work"))) == expected

            eventually(came, 15, "the delayed job")
            scheduler.kill()
            scheduler.start()
        assert scheduler.stop() == 0
    assert connection.get(keys.scheduler_lock("work")) is None
