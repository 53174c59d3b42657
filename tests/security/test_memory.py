"""Redis's memory: no device and no user fills it, nothing is dropped without a count, and good readings arrive."""

from __future__ import annotations

import secrets
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest
from redis import Redis

from qctl.broker.bookkeeping import budgets
from qctl.broker.bookkeeping.reject_records import Reject, RejectLimits
from qctl.broker.ingest import rejects
from qctl.broker.ingest.buffer import Buffer, Commit
from qctl.broker.redis import keys
from qctl.broker.redis.connection import connect
from qctl.broker.worker.rq_adapter import QctlWorker
from qctl.catalog import PIPELINES
from qctl.errors import BudgetError, RateLimitedError, UsageError
from qctl.models import Cause, Finding, Selector
from qctl.ops import Ops
from qctl.service import QueueService
from qctl.settings import Settings
from support.device import Device
from support.gateway import Gateway
from support.process import Program
from support.servers import Mosquitto, RedisServer
from support.waiting import eventually

BIN = Path(sys.executable).parent
READINGS = PIPELINES["readings"]
MB = 1024**2
MAXMEMORY = 40 * MB
BROKEN = '{"temperature": nan'
"""A payload that is no reading."""

NO_LIMITS = {"QCTL_OWNER_PER_MINUTE": "0", "QCTL_OWNER_ACTIVE": "0"}


@pytest.fixture
def small(own_redis: RedisServer, tmp_path: Path) -> Settings:
    """Settings with a Redis of 40 MB, and no limits of owners."""
    with closing(own_redis.connect()) as client:
        client.config_set("maxmemory", MAXMEMORY)
    environ = {"QCTL_HOME": str(tmp_path), "REDIS_URL": own_redis.url, **NO_LIMITS}
    return Settings.load(environ=environ, dotenv=tmp_path / "no.env")


@pytest.fixture
def client(small: Settings) -> Iterator[Redis]:
    """A client of that Redis."""
    with connect(small, name="qctl-test") as client:
        yield client


@pytest.fixture
def small_ops(small: Settings) -> Iterator[Ops]:
    """Operations on it."""
    ops = Ops(small)
    yield ops
    ops.close()


def memory(client: Redis) -> int:
    """Bytes that Redis uses for data."""
    return int(client.info("memory")["used_memory"])


def findings(ops: Ops, check: str) -> list[Finding]:
    """The findings of health with this name."""
    return [finding for finding in ops.health.check().findings if finding.check == check]


def cause(ops: Ops) -> Cause:
    """The only cause of dead letters."""
    (found,) = ops.dead_letters.groups().causes
    return found


def refused_message(n: int) -> Reject:
    """A message of a device that is no reading."""
    return Reject(f"reject-{n}", ("sensors/dev9/availability", "bm8=", n), "payload is not JSON", "sensors/dev9")


def test_a_device_that_sends_no_readings_fills_nothing(
    small: Settings, client: Redis, small_ops: Ops, own_redis: RedisServer, own_mosquitto: Mosquitto, tmp_path: Path
) -> None:
    env = {"REDIS_URL": own_redis.url, "MQTT_BROKER": own_mosquitto.url, "QCTL_HOME": str(tmp_path)}
    bridge = Program("bridge", [str(BIN / "qctl-mqtt-bridge")], tmp_path, env=env, says="subscribed to")
    worker = Program("worker", [str(BIN / "qctl-worker"), "sensor-data"], tmp_path, env=env, says="takes jobs from")
    with bridge, worker, Device(own_mosquitto.port) as device:
        device.say("sensors/dev9/availability", *[BROKEN] * 500)
        eventually(lambda: client.hget(keys.ingest("readings"), "rejected") == b"500", 30, "the first rejects")
        before = memory(client)
        device.say("sensors/dev9/availability", *[BROKEN] * 5000)
        eventually(lambda: client.hget(keys.ingest("readings"), "rejected") == b"5500", 60, "all rejects")
        assert (memory(client) - before) / 5000 < 150, "bytes of a reject, with the note of its packet id"
        device.say("sensors/good1", '{"temperature":21.5}')
        eventually(lambda: stored(small, "sensors/good1"), 20, "the good reading")
    found = cause(small_ops)
    assert (found.count, found.counted) == (small.reject_samples, 5500 - small.reject_samples)
    assert found.source == "sensors/dev9/availability"
    assert found.first_seen is not None
    assert found.last_seen is not None
    assert found.first_seen < found.last_seen
    (flood,) = findings(small_ops, "rejects")
    assert flood.status == "degraded"
    assert "5,490 rejects" in flood.reason
    assert "sensors/dev9/availability" in flood.reason


def stored(settings: Settings, topic: str) -> int:
    """Readings of a topic in the SQLite file."""
    with closing(sqlite3.connect(settings.database)) as db:
        if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'readings'").fetchone():
            return 0
        count: int = db.execute("SELECT COUNT(*) FROM readings WHERE topic = ?", (topic,)).fetchone()[0]
        return count


def test_a_sample_that_was_dealt_with_makes_room_for_another(small: Settings, client: Redis, small_ops: Ops) -> None:
    buffer = Buffer(client, READINGS, small)
    buffer.append(Commit(rejects=[refused_message(n) for n in range(30)]))
    chosen = small_ops.jobs.choose("discard", Selector(fingerprint=cause(small_ops).fingerprint))
    small_ops.jobs.delete(chosen, verb="discard")
    assert (cause(small_ops).count, cause(small_ops).counted) == (0, 20)
    buffer.append(Commit(rejects=[refused_message(n) for n in range(30, 60)]))
    assert (cause(small_ops).count, cause(small_ops).counted) == (10, 40)
    assert client.hget(keys.ingest("readings"), "rejected") == b"60"


def test_rejects_of_all_causes_stay_within_their_budget(
    small: Settings, client: Redis, small_ops: Ops, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rejects, "ROWS_PER_SAMPLE", 100_000)
    before = memory(client)
    rows = [
        Reject(f"reject-{n}", ([{"topic": f"t/{n}", "text": secrets.token_hex(500)}],), f"column {n % 7}x is bad")
        for n in range(4000)
    ]
    rejects.record_rejects(small, READINGS, rows)
    budget = MAXMEMORY * small.rejects_memory // 100
    assert memory(client) - before < 1.4 * budget
    causes = small_ops.dead_letters.groups().causes
    assert sum(cause.count for cause in causes) > 500
    assert sum(cause.count + cause.counted for cause in causes) == 4000, "none without a count"
    Buffer(client, READINGS, small).append(Commit(items=[b'{"received_ns":1}']))
    (full,) = findings(small_ops, "budgets")
    assert full.status == "degraded"
    assert "queue sensor-data" in full.reason


def test_causes_without_end_are_counted_together(client: Redis, small: Settings, small_ops: Ops) -> None:
    with client.pipeline() as pipe:
        for n in range(700):
            name = "".join(chr(97 + int(digit)) for digit in str(n))
            reject = Reject(f"reject-{n}", (), f"cause {name}")
            rejects.add_rejected(pipe, "readings", READINGS.queue, "app.take", reject, RejectLimits(0, 5))
        pipe.execute()
    causes = small_ops.dead_letters.groups().causes
    assert sum(cause.counted for cause in causes) == 700
    assert causes[0].fingerprint == "others"
    assert len(causes) == 501


def test_one_user_fills_a_tenth_of_what_users_may(
    small: Settings, client: Redis, small_ops: Ops, own_redis: RedisServer, tmp_path: Path
) -> None:
    budget = MAXMEMORY * small.user_jobs_memory // 100
    with Gateway(tmp_path, own_redis.url, **NO_LIMITS) as gateway:
        mallory, before = gateway.token("mallory"), memory(client)

        def create(token: str) -> tuple[int, str]:
            data = {"receiverId": "x", "text": secrets.token_urlsafe(6000)[:8000]}
            answer = gateway.request("POST", "/job/create", {"name": "notify", "data": data}, token)
            return answer.status, str(answer.json)

        answers = [create(mallory) for _ in range(200)]
        refused = [answer for answer in answers if answer[0] != 201]
        assert 50 < len(refused) < 190
        assert {status for status, _ in refused} == {429}
        assert "use all memory that one user's may use" in refused[0][1]
        assert memory(client) - before < 2 * budget / 10, "with what a gateway keeps itself"
        assert create(gateway.token("ada"))[0] == 201
        client.hset(keys.BUDGETS, "users", budget)
        status, text = create(gateway.token("eve"))
        assert status == 503
        assert "jobs of users use all memory that they may use" in text
    (full,) = findings(small_ops, "budgets")
    assert "owner 'mallory'" in full.reason
    Buffer(client, READINGS, small).append(Commit(items=[b'{"received_ns":1}']))


def test_large_arguments_are_refused_before_they_reach_redis(small: Settings, client: Redis) -> None:
    with QueueService(small) as service:
        with pytest.raises(UsageError, match="QCTL_USER_JOB_BYTES"):
            service.notify(receiverId="x", text="x", data={"a": "x" * small.user_job_bytes}, owner="mallory")
        with pytest.raises(UsageError, match="more than 10000"):
            service.send_message(senderId="a", receiverId="b", text="x" * 10_001)
        with pytest.raises(UsageError, match="more than 1048576"):
            service.notify(receiverId="x", text="x", data={"a": "x" * 1_048_576})
    assert client.keys() == []


def test_memory_of_jobs_that_are_gone_is_given_back(small: Settings, client: Redis) -> None:
    def fill(service: QueueService) -> list[str]:
        created = []
        with suppress(RateLimitedError):
            for _ in range(1000):
                created.append(service.notify(receiverId="x", text=secrets.token_hex(4000), owner="mallory"))
        assert len(created) < 1000
        return created

    with QueueService(small) as service:
        first = fill(service)
        client.delete(*map(keys.job, first))
        assert len(fill(service)) == len(first), "the script itself sees that they are gone"
        client.delete(*(key for key in client.scan_iter(f"{keys.JOB_PREFIX}*")))
        budgets.sweep(client)
        assert client.hgetall(keys.BUDGETS) == {}
        assert not client.exists(keys.budget_ledger("users"))


def test_dead_letters_beyond_their_budget_stop_producers_and_not_ingestion(
    small: Settings, client: Redis, small_ops: Ops
) -> None:
    with QueueService(small) as service:
        client.hset(keys.BUDGETS, mapping={"letters": 10 * MB, "letters:notification": 8 * MB, "letters:email": 5})
        with pytest.raises(BudgetError, match="dead letters of queue 'notification'"):
            service.notify(receiverId="x", text="x")
        service.add_welcome_email(userEmail="ada@example.com", userName="Ada")
    buffer = Buffer(client, READINGS, small)
    buffer.append(Commit(items=[b'{"received_ns":1}']))
    assert buffer.cut_batches() == 1
    (full,) = findings(small_ops, "budgets")
    assert "queue notification" in full.reason


def test_a_job_that_dies_is_counted_with_dead_letters_or_with_its_owner(small: Settings, client: Redis) -> None:
    worker = QctlWorker(["notification"], client, small, "inline")
    with QueueService(small) as service:
        service.notify(receiverId="\0", text="x")
        service.notify(receiverId="\0", text="x", owner="ada")
    before = budgets.parse(client.hgetall(keys.BUDGETS))
    assert worker.work(burst=True, max_jobs=2)
    after = budgets.parse(client.hgetall(keys.BUDGETS))
    assert client.zcard(keys.failed("notification")) == 2
    assert before["letters"] == (0, {})
    assert after["letters"][1].keys() == {"notification"}
    assert after["users"][1]["ada"] > before["users"][1]["ada"]
    assert after["users"][0] == after["users"][1]["ada"]
