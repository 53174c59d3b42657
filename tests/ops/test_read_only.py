"""Reading operations write nothing, and work for a user who may only read."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from redis import Redis

from qctl.broker.admin import trash
from qctl.broker.redis import keys
from qctl.broker.worker import pauses
from qctl.errors import RefusedError
from qctl.models import Selector, Threshold, Thresholds
from qctl.ops import Ops
from qctl.settings import Settings
from support import stock
from support.servers import RedisServer
from support.stock import Bomb

END = "that was all"


@pytest.fixture
def bomb(tmp_path: Path) -> Bomb:
    """Put into every payload of `deployment`."""
    return Bomb(tmp_path / "went off")


@pytest.fixture
def deployment(own_redis: RedisServer, bomb: Bomb) -> Iterator[Redis]:
    """A Redis with entries of every kind, including expired and damaged ones that RQ's own readers would clean up."""
    connection = own_redis.connect()
    stock.enqueue(connection, "mail", "w1", bomb, meta={"bomb": bomb})
    stock.die(connection, stock.enqueue(connection, "mail", "d1", bomb, meta={"bomb": bomb}))
    stock.die(connection, stock.enqueue(connection, "mail", "d2"))
    connection.zadd(keys.failed("mail"), {"d2": 1})
    connection.rpush(keys.queue("mail"), "gone")
    connection.zadd(keys.started("mail"), {"abandoned:1": 1})
    connection.zadd(keys.scheduled("mail"), {"due": 1})
    connection.zadd(keys.finished("mail"), {"forgotten": 1})
    connection.set(keys.job("text"), "text")
    connection.hset(keys.quarantine("mail"), "text", json.dumps({"reason": "r", "at": 1, "by": "w", "recoveries": 0}))
    stock.register_worker(connection, "killed", "mail")
    connection.delete(keys.worker("killed"))
    stock.register_worker(connection, "alive", "mail")
    stock.enqueue(connection, "old", "o", bomb)
    trash.clear(connection, "old", actor="me", ttl=60, progress=lambda _done, _total: None)
    pauses.pause(connection, "held", actor="me", seconds=0.001)
    yield connection
    connection.close()


READS: dict[str, Callable[[Ops], object]] = {
    "stats": lambda ops: ops.stats.read(),
    "queue names": lambda ops: ops.queues.names(),
    "waiting": lambda ops: ops.queues.waiting("mail"),
    "dead letters": lambda ops: ops.dead_letters.list(),
    "of a queue": lambda ops: ops.dead_letters.list(Selector(queue="mail"), newest_first=False),
    "count": lambda ops: ops.dead_letters.count("mail"),
    "a letter": lambda ops: ops.dead_letters.show("d1"),
    "a damaged letter": lambda ops: ops.dead_letters.show("text"),
    "dead letters that say": lambda ops: ops.dead_letters.list(Selector(error="address")),
    "their causes": lambda ops: ops.dead_letters.groups(),
    "jobs": lambda ops: ops.jobs.list(sort="-since"),
    "jobs that say": lambda ops: ops.jobs.list(Selector(argument="Bomb", owner="x")),
    "a job": lambda ops: ops.jobs.show("w1"),
    "what a retry would do": lambda ops: ops.jobs.choose("retry", Selector()),
    "and of some": lambda ops: ops.jobs.choose("retry", Selector(limit=2)),
    "and of a cause": lambda ops: ops.jobs.choose("discard", Selector(error="address")),
    "what a delete would do": lambda ops: ops.jobs.choose("delete", Selector(ids=("w1", "d1", "text"))),
    "trash": lambda ops: ops.trash.list(),
    "workers": lambda ops: ops.workers.list(),
    "job names": lambda ops: ops.stats.names(),
    "series": lambda ops: ops.metrics.series(),
    "all that is measured": lambda ops: ops.metrics.read(),
    "check": lambda ops: ops.checks.run(Thresholds(age=Threshold(60, 300)), ["mail"]),
    "alerts": lambda ops: ops.alerts.list(),
    "what cleanup would do": lambda ops: ops.cleanup.run(older_than=0, keep=0, dry_run=True),
    "pipelines": lambda ops: ops.ingest.status(),
    "topics": lambda ops: ops.ingest.topics(),
    "ping": lambda ops: ops.health.ping(),
    "health": lambda ops: ops.health.check(),
}


def make_ops(tmp_path: Path, url: str) -> Ops:
    return Ops(Settings.load(environ={"QCTL_HOME": str(tmp_path), "REDIS_URL": url}, dotenv=tmp_path / "no.env"))


def writing_commands(connection: Redis) -> set[str]:
    return {name.partition("|")[0] for category in ("write", "scripting") for name in connection.acl_cat(category)}


def dump(connection: Redis) -> dict[bytes, bytes]:
    return {key: connection.dump(key) for key in connection.scan_iter()}


def test_reading_sends_no_command_that_writes(
    own_redis: RedisServer, deployment: Redis, bomb: Bomb, tmp_path: Path
) -> None:
    writing = writing_commands(deployment)
    assert {"set", "zadd", "evalsha"} <= writing
    before = dump(deployment)
    ops = make_ops(tmp_path, own_redis.url)
    with deployment.monitor() as monitor:
        for read in READS.values():
            read(ops)
        deployment.echo(END)
        sent = []
        for entry in monitor.listen():
            if END in entry["command"]:
                break
            sent.append(entry["command"].split()[0].lower())
    ops.close()
    assert len(sent) > 3 * len(READS)
    assert not writing.intersection(sent)
    assert dump(deployment) == before
    assert not bomb.went_off
    assert bomb.proves_itself()


def test_a_read_only_user_can_read_and_nothing_else(own_redis: RedisServer, deployment: Redis, tmp_path: Path) -> None:
    categories = ["+@read", "+@connection", "-@write", "-@scripting"]
    deployment.acl_setuser("eyes", enabled=True, passwords=["+pw"], keys=["*"], categories=categories)
    full = make_ops(tmp_path, own_redis.url)
    eyes = make_ops(tmp_path, f"redis://eyes:pw@127.0.0.1:{own_redis.port}/0")
    for name, read in READS.items():
        seen = read(eyes)
        if name in ("queue names", "waiting", "dead letters", "of a queue", "count", "a letter", "trash", "workers"):
            assert seen == read(full), name
    mail = next(queue for queue in eyes.stats.read().queues if queue.name == "mail")
    assert (mail.waiting, mail.dead, mail.workers) == (2, 2, 1)
    assert eyes.health.ping().redis_version[0].isdigit()
    assert "INFO" in next(f.reason for f in eyes.health.check().findings if f.check == "memory")
    for act in (
        lambda: eyes.jobs.retry(eyes.jobs.choose("retry", Selector(ids=("d1",)))),
        lambda: eyes.jobs.cancel(eyes.jobs.choose("cancel", Selector(ids=("w1",)))),
        lambda: eyes.jobs.delete(eyes.jobs.choose("delete", Selector(ids=("w1",)))),
        lambda: eyes.jobs.move(eyes.jobs.choose("move", Selector(ids=("w1",))), "other"),
        lambda: eyes.queues.clear("mail"),
        lambda: eyes.queues.pause("mail", force=True),
        lambda: eyes.trash.restore(eyes.trash.list()[0].id),
    ):
        with pytest.raises(RefusedError, match="does not let this user"):
            act()
    assert eyes.dead_letters.count("mail") == 3
    full.close()
    eyes.close()
