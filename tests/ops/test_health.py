"""Findings of the health check, and their thresholds."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from qctl.broker.redis import keys
from qctl.errors import RedisUnreachableError, RefusedError, UnreachableError
from qctl.models import Finding
from qctl.ops import Ops
from qctl.settings import Settings
from support import stock
from support.process import Program, free_port
from support.servers import RedisServer
from support.waiting import PATIENCE_SECONDS


def make_ops(tmp_path: Path, url: str) -> Ops:
    return Ops(Settings.load(environ={"QCTL_HOME": str(tmp_path), "REDIS_URL": url}, dotenv=tmp_path / "no.env"))


def ills(ops: Ops) -> dict[str, Finding]:
    return {finding.check: finding for finding in ops.health.check().findings if finding.status != "ok"}


def test_a_healthy_system_is_ok(ops: Ops, connection: Redis) -> None:
    stock.die(connection, stock.enqueue(connection, "mail", "d"))
    stock.enqueue(connection, "mail", "a")
    stock.register_worker(connection, "w", "mail")
    stock.enqueue(connection, "held", "b")
    ops.queues.pause("held", reason="deploy")
    health = ops.health.check()
    assert (health.status, health.reasons) == ("ok", [])
    said = {finding.check: finding.reason for finding in health.findings}
    assert said["paused"] == "queue held is paused: deploy; 1 job waits"
    assert said["dead letters"] == "1 dead letter needs a decision"


def test_ping(ops: Ops, settings: Settings) -> None:
    ping = ops.health.ping()
    assert ping.target == settings.redis_target
    assert abs(ping.ts_ms / 1000 - time.time()) < PATIENCE_SECONDS
    assert 0 < ping.rtt < PATIENCE_SECONDS
    assert ping.redis_version.count(".") == 2


@pytest.fixture
def odd(own_redis: RedisServer, tmp_path: Path) -> Iterator[tuple[Redis, Ops]]:
    """A Redis that can be configured, and `Ops` on it."""
    connection = own_redis.connect()
    ops = make_ops(tmp_path, own_redis.url)
    yield connection, ops
    ops.close()
    connection.close()


def test_settings_of_redis_are_checked(odd: tuple[Redis, Ops]) -> None:
    connection, ops = odd
    assert ills(ops) == {}
    connection.config_set("appendonly", "no")
    connection.config_set("maxmemory-policy", "allkeys-lru")
    found = ills(ops)
    assert set(found) == {"persistence", "eviction"}
    assert "as soon as maxmemory is set" in found["eviction"].reason
    connection.config_set("maxmemory", int(connection.info("memory")["used_memory"] * 1.1))
    found = ills(ops)
    assert "maxmemory" in found["memory"].reason
    assert "when it is full" in found["eviction"].reason
    assert ops.health.check().status == "degraded"


def test_waiting_jobs_without_workers_or_scheduler_are_reported(ops: Ops, connection: Redis) -> None:
    stock.enqueue(connection, "mail", "a")
    now = time.time()
    connection.sadd(keys.QUEUES, keys.queue("later"))
    connection.hset(keys.job("j"), "status", "scheduled")
    connection.zadd(keys.scheduled("later"), {"j": now - 5})
    assert set(ills(ops)) == {"workers"}
    connection.zadd(keys.scheduled("later"), {"j": now - 20})
    found = ills(ops)
    assert set(found) == {"workers", "schedule"}
    assert "mail" in found["workers"].reason
    assert "no scheduler runs" in found["schedule"].reason
    connection.set(keys.scheduler_lock("later"), "1")
    assert set(ills(ops)) == {"workers"}
    connection.zadd(keys.scheduled("later"), {"j": now - 90})
    assert "cannot keep up" in ills(ops)["schedule"].reason


def test_suspension_quarantine_stale_buffers_and_down_sinks_are_reported(ops: Ops, connection: Redis) -> None:
    connection.set(keys.SUSPENDED, 1)
    connection.hset(keys.job("q"), "status", "failed")
    connection.hset(keys.quarantine("sensor-data"), "q", "{}")
    connection.rpush(keys.buffer("readings"), json.dumps({"received_ns": (time.time() - 120) * 1e9}))
    connection.hset(keys.BREAKERS, "sensor-data", 3)
    found = ills(ops)
    assert set(found) == {"workers", "quarantine", "buffer", "sink"}
    assert "3 times in a row" in found["sink"].reason
    assert "readings" in found["buffer"].reason


def test_a_lost_mqtt_session_is_reported_for_a_day(ops: Ops, connection: Redis) -> None:
    now = time.time() * 1000
    lost = {"sessions_lost": 2, "session_lost_at": int(now - 60_000)}
    connection.hset(keys.ingest("readings"), mapping=lost)
    assert "(2 in total)" in ills(ops)["session"].reason
    connection.hset(keys.ingest("readings"), "session_lost_at", int(now - 90_000_000))
    assert ills(ops) == {}
    connection.hset(keys.ingest("readings"), "session_lost_at", "yesterday")
    assert ills(ops) == {}


def test_a_damaged_queue_is_reported_with_all_other_problems(ops: Ops, connection: Redis) -> None:
    connection.sadd(keys.QUEUES, keys.queue("bad"))
    for key in (
        keys.queue("bad"),
        keys.scheduled("bad"),
        keys.quarantine("bad"),
        keys.BREAKERS,
        keys.buffer("readings"),
    ):
        connection.set(key, "text")
    stock.enqueue(connection, "mail", "a")
    assert set(ills(ops)) == {"queues", "workers"}


def test_an_unreachable_redis_is_a_finding(tmp_path: Path) -> None:
    ops = make_ops(tmp_path, f"redis://:secret@127.0.0.1:{free_port()}/0")
    health = ops.health.check()
    assert health.status == "down"
    assert "does not answer" in health.reasons[0]
    assert "secret" not in health.reasons[0]
    for read in (ops.health.ping, ops.stats.read, ops.dead_letters.list, ops.trash.restore, ops.queues.names):
        with pytest.raises(RedisUnreachableError):
            read()
    ops.close()


def test_a_wrong_password_is_a_finding(odd: tuple[Redis, Ops], own_redis: RedisServer, tmp_path: Path) -> None:
    connection, _ = odd
    connection.config_set("requirepass", "right")
    ops = make_ops(tmp_path, f"redis://:wrong@127.0.0.1:{own_redis.port}/0")
    assert ops.health.check().status == "down"
    with pytest.raises(UnreachableError, match="refuses the password"):
        ops.stats.read()
    ops.close()


def test_names_in_commands_are_quoted(ops: Ops, connection: Redis) -> None:
    stock.enqueue(connection, "x; reboot", "a")
    connection.hset(keys.quarantine("x; reboot"), "a", json.dumps({"reason": "r", "at": 1, "by": "w", "recoveries": 3}))
    ill = ills(ops)
    assert ill["workers"].fix == "qctl-worker 'x; reboot'"
    assert ill["quarantine"].fix == "qctl dlq list --queue 'x; reboot'"


def writes_finding(ops: Ops) -> Finding:
    (finding,) = [finding for finding in ops.health.check().findings if finding.check == "writes"]
    return finding


def test_redis_that_takes_writes_is_ok(ops: Ops) -> None:
    assert (writes_finding(ops).status, writes_finding(ops).reason) == ("ok", "Redis takes writes")


def test_read_only_replica_is_down(odd: tuple[Redis, Ops]) -> None:
    connection, ops = odd
    connection.replicaof("127.0.0.1", 1)
    assert (writes_finding(ops).status, writes_finding(ops).fix) == ("down", "name the primary with REDIS_URL")
    with pytest.raises(RefusedError, match="is a read-only replica"):
        ops.queues.pause("email")


def test_full_redis_is_down(odd: tuple[Redis, Ops]) -> None:
    connection, ops = odd
    connection.config_set("maxmemory", 1)
    assert writes_finding(ops).reason.startswith("Redis is full")


def test_user_who_may_write_and_not_run_scripts_is_down(own_redis: RedisServer, tmp_path: Path) -> None:
    connection = own_redis.connect()
    rules = {"keys": ["*"], "channels": ["*"], "categories": ["+@all", "-@scripting"]}
    connection.acl_setuser("app", enabled=True, passwords=["+pw"], **rules)
    ops = make_ops(tmp_path, own_redis.tcp_url.replace("://", "://app:pw@"))
    assert writes_finding(ops).reason.startswith("this user may not run EVALSHA")
    connection.acl_setuser("app", categories=["+@scripting"])
    assert writes_finding(ops).status == "ok"
    connection.acl_setuser("app", categories=["-@write", "-@scripting"])  # reading is all that this user is for
    assert writes_finding(ops).status == "ok"
    ops.close()
    connection.close()


def test_loss_of_data_degrades_the_health_for_a_day(ops: Ops, connection: Redis) -> None:
    assert "data" not in ills(ops)
    connection.hset(keys.IDENTITY, mapping={"lost_at": int(time.time() * 1000) - 60_000, "loss": "Redis is empty"})
    assert ills(ops)["data"].reason.startswith("Redis is empty (noticed 6")
    connection.hset(keys.IDENTITY, "lost_at", int(time.time() * 1000) - 90_000_000)
    assert "data" not in ills(ops)


def test_leases_that_nobody_renews_degrade_the_health(ops: Ops, connection: Redis) -> None:
    stock.enqueue(connection, "mail", "a")
    stock.register_worker(connection, "h.1.abcdef", "mail")
    for seconds, status in ((2, "ok"), (60, "degraded"), (3600, "ok")):
        connection.zadd(keys.LEASES, {"h.1.abcdef": (time.time() - seconds) * 1000})
        assert writes_finding(ops).status == status, seconds


def test_ping_says_that_a_sentinel_is_one(tmp_path: Path) -> None:
    port, configuration = free_port(), tmp_path / "sentinel.conf"
    configuration.write_text(f"port {port}\nbind 127.0.0.1\ndir {tmp_path}\n")
    program = RedisServer(tmp_path).command[0]
    sentinel = Program("sentinel", [program, str(configuration), "--sentinel"], tmp_path, says="Sentinel ID")
    with sentinel, pytest.raises(RefusedError, match="is a Sentinel, which holds no data"):
        make_ops(tmp_path, f"redis://127.0.0.1:{port}/0").health.ping()
