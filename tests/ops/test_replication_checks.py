"""Findings about replicas and Sentinels, on real ones."""

from __future__ import annotations

from collections.abc import Callable

from qctl.broker.query.replication_setup import Replica, ReplicaClock, ReplicationSetup, SentinelView
from qctl.models import Finding
from qctl.ops import Ops, replication_checks
from qctl.settings import Settings
from support.sentinel import WatchedRedis
from support.waiting import eventually

MakeSettings = Callable[..., Settings]


def findings(ops: Ops, check: str, *, doctor: bool = False) -> list[Finding]:
    health = ops.doctor.examine() if doctor else ops.health.check()
    return [finding for finding in health.findings if finding.check == check]


def test_a_whole_site_is_healthy_and_gets_advice(watched_redis: WatchedRedis, make_settings: MakeSettings) -> None:
    ops = Ops(make_settings(REDIS_URL=watched_redis.url))
    (replicas,) = findings(ops, "replicas")
    (sentinels,) = findings(ops, "sentinels")
    assert (replicas.status, sentinels.status) == ("ok", "ok")
    assert "2 replicas" in replicas.reason
    assert f"3 of 3 Sentinels answer and name 127.0.0.1:{watched_redis.primary().port}" in sentinels.reason
    (confirmation,) = findings(ops, "confirmation", doctor=True)
    assert (confirmation.status, confirmation.fix) == ("degraded", "set QCTL_REDIS_REPLICAS=1 for every program")
    (cut_off,) = findings(ops, "cut off", doctor=True)
    assert "min-replicas-to-write 1" in (cut_off.fix or "")
    (clocks,) = findings(ops, "replica clocks", doctor=True)
    assert clocks.status == "ok"
    ops.close()
    safe = Ops(make_settings(REDIS_URL=watched_redis.url, QCTL_REDIS_REPLICAS="2"))
    (confirmation,) = findings(safe, "confirmation", doctor=True)
    assert confirmation.status == "ok"
    assert confirmation.reason.startswith("2 replicas confirm within")
    safe.close()


def test_missing_sentinels_are_named(watched_redis: WatchedRedis, make_settings: MakeSettings) -> None:
    ops = Ops(make_settings(REDIS_URL=watched_redis.url))
    first, second, third = watched_redis.sentinels
    first.kill()
    (one,) = findings(ops, "sentinels")
    assert one.status == "degraded"
    assert f"127.0.0.1:{first.port}" in one.reason
    second.kill()
    (two,) = findings(ops, "sentinels")
    assert "2 must agree on a failover: there would be none" in two.reason
    assert two.severity == "error"
    third.kill()
    (none,) = findings(ops, "sentinels")
    assert none.reason.startswith("no Sentinel answers")
    ops.close()


def test_missing_replicas_stop_acknowledgements(watched_redis: WatchedRedis, make_settings: MakeSettings) -> None:
    ops = Ops(make_settings(REDIS_URL=watched_redis.url, QCTL_REDIS_REPLICAS="2"))
    (ok,) = findings(ops, "replicas")
    assert ok.status == "ok"
    watched_redis.replicas()[0].kill()

    def reported() -> Finding | None:
        (found,) = findings(ops, "replicas")
        return found if found.status == "down" else None

    found = eventually(reported, what="a finding", every=0.1)
    assert "1 replica, and QCTL_REDIS_REPLICAS asks for 2: nothing is acknowledged" in found.reason
    assert not findings(ops, "confirmation", doctor=True)
    ops.close()


def test_a_redis_alone_has_no_finding(ops: Ops) -> None:
    assert not findings(ops, "replicas") + findings(ops, "sentinels")
    assert not findings(ops, "confirmation", doctor=True) + findings(ops, "cut off", doctor=True)


def judge(*replicas: Replica, required: int = 0, least: int | None = 0) -> Finding:
    (found,) = replication_checks.check(ReplicationSetup(True, list(replicas), least, []), required)
    return found


def test_replicas_out_of_step_do_not_count() -> None:
    good, silent = Replica("a:1", True, 1, 10), Replica("b:1", True, 60, 10)
    assert judge(good, silent).status == "degraded"
    assert "not in step: b:1" in judge(good, silent).reason
    assert judge(good, silent, required=2).status == "down"
    assert judge(good, Replica("b:1", False, 0, 0), least=2).status == "down"
    assert judge(Replica("a:1", True, 1, 60_000_000)).status == "degraded"


def test_sentinels_that_disagree_are_reported() -> None:
    setup = ReplicationSetup(True, [], 0, [SentinelView(f"s{n}", "", f"a:{n % 2}", 2, 2) for n in range(3)])
    (found,) = replication_checks.check(setup, 0)
    assert "different primaries: a:0, a:1" in found.reason
    two = ReplicationSetup(
        True, [Replica("a:1", True, 0, 0)], 1, [SentinelView(f"s{n}", "", "a", 1, 1) for n in (1, 2)]
    )
    advice = list(replication_checks.advise(two, 1, 0.001))
    assert [finding.check for finding in advice if finding.status != "ok"] == ["sentinels"]


def test_replicas_whose_clocks_differ_are_reported() -> None:
    clocks = [
        ReplicaClock("a:1", 5.0, 0.1),
        ReplicaClock("b:1", -3.0, 0.1),
        ReplicaClock("c:1", 0.1, 0.0),
        ReplicaClock("d:1", 4.0, 3.0),
    ]
    (found,) = replication_checks.check_clocks(clocks)
    assert found.status == "degraded"
    assert "a:1 is 5.0 s ahead, b:1 is 3.0 s behind; leases" in found.reason
    (found,) = replication_checks.check_clocks(clocks[2:])
    assert found.status == "ok"
    assert not list(replication_checks.check_clocks([]))
