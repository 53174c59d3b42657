"""The doctor: findings on a real Redis, real disks and files, and repairs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from redis import Redis

from qctl.broker.query import server_setup
from qctl.broker.query.server_setup import Server
from qctl.broker.redis import keys
from qctl.models import Daemon, Finding, WorkerInfo
from qctl.ops import Ops, server_checks, systemd_checks
from qctl.settings import Settings
from qctl.settings.servers import Source
from support import stock
from support.servers import S3Server

Make = Callable[..., Settings]
EVERYWHERE = "0.0.0.0"  # noqa: S104 - what a server says of itself
NOWHERE = "http://127.0.0.1:1"
LONG_AGO = "2026-01-01T00:00:00.000000Z"


def by_check(findings: list[Finding]) -> dict[str, Finding]:
    """Return the worst finding of each check."""
    order = ("ok", "degraded", "down")
    worst: dict[str, Finding] = {}
    for each in sorted(findings, key=lambda finding: order.index(finding.status)):
        worst[each.check] = each
    return worst


@pytest.fixture
def server(connection: Redis) -> Server:
    """Read the set-up of a real server."""
    return server_setup.read(connection)


def test_a_healthy_system_has_only_a_finding_about_persistence(ops: Ops, connection: Redis) -> None:
    found = ops.doctor.examine()
    bad = {finding.check for finding in found.findings if finding.status != "ok"}
    # What a busy machine makes true of itself is no fault of the rest: a slow round trip, late samples.
    assert bad <= {"persistence", "disk", "files", "holes", "latency"}
    assert {"version", "clock", "latency", "access", "orphans", "obedience", "sinks", "settings"} <= set(
        by_check(found.findings)
    )


def test_each_problem_has_a_fix(ops: Ops, connection: Redis) -> None:
    stock.register_worker(connection, "deaf", "mail")
    connection.sadd(keys.WORKERS, keys.worker("gone"))
    stock.enqueue(connection, "mail", "lost")
    connection.lrem(keys.queue("mail"), 0, "lost")
    connection.hset(keys.job("lost"), mapping={"created_at": LONG_AGO, "enqueued_at": LONG_AGO})
    found = by_check(ops.doctor.examine([Source("environment", {"QCTL_HOEM": "/x"})]).findings)
    assert "deaf" in found["obedience"].reason
    assert "1 worker is" in found["stale workers"].reason
    assert "1 job of mail" in found["orphans"].reason
    assert "QCTL_HOME" in found["names"].reason
    assert all(found[check].fix for check in ("obedience", "stale workers", "orphans", "names"))


def test_a_repair_leaves_nothing_to_repair(ops: Ops, connection: Redis) -> None:
    test_each_problem_has_a_fix(ops, connection)
    done = ops.doctor.repair()
    assert (done.orphans, done.workers) == (1, 1)
    assert stock.waiting(connection, "mail") == ["lost"]
    assert connection.smembers(keys.WORKERS) == {keys.worker("deaf").encode()}
    found = by_check(ops.doctor.examine().findings)
    assert {found["orphans"].status, found.get("stale workers", found["orphans"]).status} == {"ok"}
    again = ops.doctor.repair()
    assert (again.orphans, again.workers) == (0, 0)


@pytest.mark.parametrize("key", [keys.WORKERS, keys.EVENTS, keys.PAUSED, keys.LEASES, keys.QUIET, keys.TRASH])
def test_a_key_of_another_type_is_named_and_hides_nothing_else(ops: Ops, connection: Redis, key: str) -> None:
    connection.set(key, "somebody's")
    found = by_check(ops.doctor.examine().findings)
    assert found["redis"].status == "ok"
    assert (found["keys"].status, key in found["keys"].reason) == ("down", True)
    assert f"rename {key} " in (found["keys"].fix or "")
    assert {"version", "clock", "orphans", "sinks", "settings"} <= set(found)


def test_examine_writes_nothing(ops: Ops, connection: Redis) -> None:
    test_each_problem_has_a_fix(ops, connection)
    before = {key: connection.dump(key) for key in connection.scan_iter()}
    ops.doctor.examine()
    assert {key: connection.dump(key) for key in connection.scan_iter()} == before


def test_a_read_only_user_sees_which_checks_are_missing(
    connection: Redis, settings: Settings, redis_server: object
) -> None:
    connection.execute_command("ACL", "SETUSER", "ro", "on", ">pw", "~*", "+@read", "+@connection", "-@write")
    try:
        path = settings.redis_target
        url = path.replace("unix://", "unix://ro:pw@", 1) if path.startswith("unix") else path.replace("//", "//ro:pw@")
        found = by_check(Ops(settings.replace(redis_url=url)).doctor.examine().findings)
    finally:
        connection.execute_command("ACL", "DELUSER", "ro")
    assert found["redis"].status == "ok"
    assert {found[check].reason.split(":")[0] for check in ("version", "promise", "clock", "access")} == {"not checked"}


def test_an_unreachable_redis_is_one_finding_and_the_rest_is_checked(make_settings: Make) -> None:
    found = Ops(make_settings(REDIS_URL="redis://127.0.0.1:1")).doctor.examine()
    assert [finding.check for finding in found.findings if finding.check == "redis"] == ["redis"]
    assert {"sinks", "settings"} <= set(by_check(found.findings))


# --- what follows from how a server is ------------------------------------------------------------------------


def judged(server: Server, *, password: bool = False) -> dict[str, Finding]:
    return by_check(list(server_checks.check_server(server, password=password)))


@pytest.mark.parametrize(("version", "status"), [("6.0.16", "down"), ("5", "down"), ("6.2.0", "ok"), ("8.0.1", "ok")])
def test_old_versions_of_redis_are_down(server: Server, version: str, status: str) -> None:
    info = {**(server.info or {}), "redis_version": version}
    assert judged(replace(server, info=info))["version"].status == status


def test_a_replica_takes_no_writes(server: Server) -> None:
    assert judged(replace(server, info={**(server.info or {}), "role": "slave"}))["version"].status == "down"


@pytest.mark.parametrize(
    ("skew", "status", "words"),
    [(0.1, "ok", "differ"), (-3.0, "degraded", "behind"), (45.0, "down", "ahead of"), (None, "ok", "not checked")],
)
def test_clock_skew_is_reported(server: Server, skew: float | None, status: str, words: str) -> None:
    found = judged(replace(server, skew=skew))["clock"]
    assert found.status == status
    assert words in found.reason


def worker_on(host: str, clock_skew: float | None) -> WorkerInfo:
    return WorkerInfo(f"{host}.1", ["work"], "idle", host, 1, None, None, honours_pause=True, clock_skew=clock_skew)


@pytest.mark.parametrize(
    ("skews", "status", "words"),
    [
        ({"a": 0.1, "b": -1.5}, "ok", "the clocks of 2 hosts with workers and Redis differ by 1.5 s"),
        ({"a": 0.1, "b": -5.0}, "degraded", "b (5 s behind);"),
        ({"a": 61.0, "b": -5.0}, "down", "a (61 s ahead), b (5 s behind);"),
        ({"a": 0.1, "stock": None}, "ok", "not known of stock"),
    ],
)
def test_the_clocks_of_all_hosts_with_workers_are_compared(
    skews: dict[str, float | None], status: str, words: str
) -> None:
    workers = [worker_on(host, skew) for host, skew in skews.items()]
    found = by_check(list(server_checks.check_workers(workers, [])))["worker clocks"]
    assert found.status == status
    assert words in found.reason


@pytest.mark.parametrize(
    ("fsync", "words", "status"),
    [("always", "power cut", "ok"), ("everysec", "the last 2 s", "degraded"), ("no", "30 s", "degraded")],
)
def test_durability_follows_the_persistence_settings(server: Server, fsync: str, words: str, status: str) -> None:
    config = {**(server.config or {}), "appendonly": "yes", "appendfsync": fsync, "maxmemory-policy": "noeviction"}
    found = judged(replace(server, config=config))["promise"]
    assert words in found.reason
    assert found.status == status


def test_deleting_jobs_when_full_is_an_error(server: Server) -> None:
    config = {**(server.config or {}), "maxmemory-policy": "allkeys-lru"}
    assert judged(replace(server, config=config))["promise"].status == "down"


@pytest.mark.parametrize(
    ("hashes", "streams", "fix"),
    [
        ("64", "4096", "config set hash-max-ziplist-value 512 && redis-cli config set stream-node-max-bytes 512"),
        ("64", "512", "config set hash-max-ziplist-value 512"),
        ("512", "0", "config set stream-node-max-bytes 512"),
        ("4096", "256", None),
    ],
)
def test_memory_that_jobs_waste_is_told_and_no_fault(
    server: Server, hashes: str, streams: str, fix: str | None
) -> None:
    options = {"hash-max-ziplist-value": hashes, "stream-node-max-bytes": streams}
    found = judged(replace(server, config={**(server.config or {}), **options}))["memory of jobs"]
    assert (found.status, found.fix) == ("ok", fix and f"redis-cli {fix}")


def test_redis_knows_the_options_of_memory(server: Server) -> None:
    assert server_setup.MEMORY_OPTIONS.keys() <= (server.config or {}).keys()


@pytest.mark.parametrize(
    ("config", "password", "status"),
    [
        ({"bind": EVERYWHERE, "protected-mode": "no", "port": "6379"}, False, "down"),
        ({"bind": "", "protected-mode": "no", "port": "6379"}, False, "down"),
        ({"bind": EVERYWHERE, "protected-mode": "yes", "port": "6379"}, False, "ok"),
        ({"bind": "127.0.0.1 -::1", "protected-mode": "no", "port": "6379"}, False, "ok"),
        ({"bind": EVERYWHERE, "protected-mode": "no", "port": "0"}, False, "ok"),
        ({"bind": EVERYWHERE, "protected-mode": "no", "port": "6379"}, True, "ok"),
        ({"bind": "*", "protected-mode": "no", "port": "6379", "requirepass": "x"}, False, "ok"),
    ],
)
def test_an_exposed_redis_without_a_password_is_down(
    server: Server, config: dict[str, str], password: bool, status: str
) -> None:
    assert judged(replace(server, config=config), password=password)["access"].status == status


def test_a_slow_round_trip_is_reported(server: Server) -> None:
    assert judged(replace(server, latency=0.02))["latency"].status == "degraded"


def test_files_readable_by_others_are_reported(settings: Settings, server: Server) -> None:
    settings.make_home()
    settings.home.chmod(0o755)
    assert by_check(list(server_checks.check_machine(settings, server)))["files"].fix == f"chmod 700 {settings.home}"
    settings.home.chmod(0o700)
    assert "files" not in by_check(list(server_checks.check_machine(settings, server)))


@pytest.mark.parametrize(("key", "status"), [("0f1e2d3c4b5a69788796a5b4c3d2e1f0", "ok"), ("", None)])
def test_an_admin_key_is_reported(make_settings: Make, key: str, status: str | None) -> None:
    found = list(server_checks.check_admin_key(make_settings(QUEUE_ADMIN_KEY=key)))
    assert [finding.status for finding in found] == ([status] if status else [])
    assert not key or key not in str(found)


def test_a_sink_that_is_down_is_reported(make_settings: Make) -> None:
    gone = make_settings(INFLUX_URL="http://127.0.0.1:1", INFLUX_TOKEN="t", ORG="o", BUCKET="b")
    found = list(server_checks.check_sinks(gone))
    assert [finding.status for finding in found] == ["degraded", "ok"]
    assert "readings" in found[0].reason


@pytest.mark.parametrize(
    ("wrong", "status"), [({}, "ok"), ({"QCTL_S3_BUCKET": "no-such"}, "down"), ({"QCTL_S3_URL": NOWHERE}, "degraded")]
)
def test_a_bucket_is_checked_and_left_unchanged(
    make_settings: Make, s3: S3Server, wrong: dict[str, str], status: str
) -> None:
    *_, found = server_checks.check_sinks(make_settings(**{**s3.environ, **wrong}))
    assert (found.status, "images" in found.reason) == (status, True)
    assert s3.objects() == {}
    assert s3.connect().list_multipart_uploads(Bucket=s3.bucket).get("Uploads", []) == []


# --- what follows from how systemd keeps the daemons -----------------------------------------------------------


def daemon(name: str, active: str = "active", *, enabled: str = "enabled", restarts: int = 0) -> Daemon:
    """Create a unit as systemctl shows it."""
    return Daemon(name, f"qctl-{name}.service", active, "", enabled, None, None, restarts, None, "said this")


@pytest.mark.parametrize(
    ("one", "status", "fix"),
    [
        (daemon("email"), "ok", None),
        (daemon("email", "activating"), "ok", None),
        (daemon("email", "activating", restarts=7), "down", "qctl daemon logs email"),
        (daemon("email", "failed"), "down", "qctl daemon logs email"),
        (daemon("email", "inactive"), "degraded", "qctl daemon start email"),
        (daemon("email:2", "inactive", enabled="disabled"), "ok", None),
        (daemon("cleanup", "inactive", enabled="static"), "ok", None),
        (daemon("cleanup", "failed", enabled="static"), "degraded", "qctl daemon logs cleanup"),
        (daemon("mqtt-bridge", "inactive"), "ok", None),
    ],
)
def test_a_unit_that_does_not_run_is_reported(make_settings: Make, one: Daemon, status: str, fix: str | None) -> None:
    (found,) = systemd_checks.check_daemons(make_settings(MQTT_ENABLED="false"), [daemon("scheduler"), one])
    assert (found.status, found.fix) == (status, fix)
    assert status == "ok" or one.name in found.reason


def test_user_units_are_named_with_user(settings: Settings) -> None:
    (found,) = systemd_checks.check_daemons(settings, [daemon("email", "failed")], user=True)
    assert found.fix == "qctl daemon logs email --user"


def test_without_units_there_is_no_finding(settings: Settings) -> None:
    assert list(systemd_checks.check_daemons(settings, [])) == []


@pytest.mark.parametrize(
    ("versions", "hole"),
    [
        ({"redis_version": "6.2.14"}, "Redis 6.2.14 has known holes"),
        ({"redis_version": "99.0.0"}, None),
        ({"redis_version": "7.2.4", "valkey_version": "9.1.0"}, "Valkey 9.1.0 has known holes"),
        ({"redis_version": "7.2.4", "valkey_version": "99.0.0"}, None),
    ],
)
def test_known_holes_of_the_server_are_told(server: Server, versions: dict[str, str], hole: str | None) -> None:
    info = {name: value for name, value in (server.info or {}).items() if name != "valkey_version"}
    found = judged(replace(server, info={**info, **versions})).get("holes")
    assert (found and found.reason[: len(hole or "")]) == hole
    assert found is None or "Your vendor may have mended it" in found.reason
