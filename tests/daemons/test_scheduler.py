"""qctl-scheduler as a program: what is due comes, once, however many there are and however often they are killed."""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from redis import Redis
from rq.queue import Queue
from rq.serializers import JSONSerializer

from qctl.broker.bookkeeping import events
from qctl.broker.redis import keys
from qctl.broker.scheduler import schedules
from qctl.history import open_store
from qctl.models import Schedule
from qctl.settings import Settings
from support.process import Program
from support.servers import RedisServer
from support.waiting import eventually

KILLS, KILLS_LONG = 8, 60


def a_scheduler(folder: Path, url: str, name: str = "scheduler", **env: str) -> Program:
    program = str(Path(sys.executable).with_name("qctl-scheduler"))
    return Program(
        name, [program], folder, env={"REDIS_URL": url, "QCTL_HOME": str(folder), **env}, says="running schedules"
    )


def test_what_is_due_comes_also_after_a_kill(connection: Redis, redis_server: RedisServer, tmp_path: Path) -> None:
    queue = Queue("work", connection=connection, serializer=JSONSerializer)
    scheduler = a_scheduler(tmp_path, redis_server.url)
    with scheduler:
        for expected in (1, 2):
            queue.enqueue_in(timedelta(seconds=1), "f")

            def came(expected: int = expected) -> bool:
                return int(connection.llen(keys.queue("work"))) == expected

            eventually(came, what="the delayed job")
            scheduler.kill()
            scheduler.start()
        assert scheduler.stop() == 0
    assert connection.get(keys.scheduler_lock("work")) is None


def test_the_schedules_of_the_settings_are_there(connection: Redis, redis_server: RedisServer, tmp_path: Path) -> None:
    with a_scheduler(tmp_path, redis_server.url, QCTL_SCHEDULE_STOCK_CHECK="off"):
        eventually(lambda: len(schedules.list_all(connection)) == 3, what="the schedules")
    names = {schedule.name for schedule in schedules.list_all(connection)}
    assert names == {"cleanup-reports", "cleanup-exports", "cleanup-images"}


def test_a_schedule_that_cannot_be_ends_it(redis_server: RedisServer, tmp_path: Path) -> None:
    scheduler = a_scheduler(tmp_path, redis_server.url, QCTL_SCHEDULE_STOCK_CHECK="99 * * * *")
    with pytest.raises(AssertionError, match="QCTL_SCHEDULE_STOCK_CHECK"):
        scheduler.start()


@pytest.mark.kill
def test_two_schedulers_under_fire_make_one_run_a_time(
    own_redis: RedisServer, tmp_path: Path, make_settings: Callable[..., Settings], long_run: bool
) -> None:
    """A time each second on three schedules; a scheduler is killed at a random moment, and started again, and again.

    Both write one history, which has each event once in the end.
    """
    random.seed(time.time_ns())
    connection = own_redis.connect()
    settings = make_settings(REDIS_URL=own_redis.url)
    pair = [a_scheduler(tmp_path, own_redis.url, name) for name in ("one", "two")]
    try:
        for scheduler in pair:
            scheduler.start()
        for name in ("a", "b", "c"):
            schedules.add(connection, settings, name, "stock-check", every=1, catch_up="all", actor="me")
        for _ in range(KILLS_LONG if long_run else KILLS):
            victim = random.choice(pair)
            time.sleep(random.uniform(0, 0.6))  # the moment of the kill: any will do
            victim.kill()
            victim.start()
        end = datetime.now(timezone.utc) + timedelta(seconds=1)
        eventually(lambda: all((s.next_at or end) > end for s in mine(connection)), what="all times up to now")
        for schedule in mine(connection):
            schedules.pause(connection, schedule.name, actor="me")
        written = open_store(settings, read_only=True)
        created = [event.fields["job"] for event in events.newest(connection, 10_000) if event.event == "created"]
        eventually(lambda: all(len(written.events_of_job(id_)) == 1 for id_ in created), what="the history, each once")
        written.close()
    finally:
        for scheduler in pair:
            scheduler.end()
    waiting = [raw.decode() for raw in connection.lrange(keys.queue("inventory"), 0, -1)]
    for name in ("a", "b", "c"):
        made = [moment(id_) for id_ in waiting if id_.startswith(f"cron-{name}-")]
        assert len(made) > 3
        assert made == [made[0] + timedelta(seconds=n) for n in range(len(made))], "each time once, none left out"
    assert sorted(created) == sorted(waiting)
    connection.close()


def mine(connection: Redis) -> list[Schedule]:
    return [schedule for schedule in schedules.list_all(connection) if schedule.source == "operator"]


def moment(id_: str) -> datetime:
    return datetime.strptime(id_.rpartition("-")[2], "%Y%m%dT%H%M%SZ")
