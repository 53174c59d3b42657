"""`--replica`: commands that read ask a replica, and say so."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from cli.conftest import Ran
from qctl.cli.main import run
from qctl.cli.session import Session
from support.sentinel import WatchedRedis
from support.servers import RedisServer
from support.waiting import eventually

Cli = Callable[..., Ran]


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Cli:
    """Run a command line on a real Redis: `cli(url, "stats")`."""
    monkeypatch.setenv("QCTL_HOME", str(tmp_path))

    def command(url: str, *words: str) -> Ran:
        code = run([*words, "--redis-url", url], Session())
        captured = capsys.readouterr()
        return Ran(code, captured.out, captured.err)

    return command


def test_a_replica_is_read_and_named(watched_redis: WatchedRedis, cli: Cli) -> None:
    replicas = [f"127.0.0.1:{server.port}" for server in watched_redis.replicas()]
    with closing(watched_redis.primary().connect()) as client:
        client.sadd("rq:queues", "rq:queue:mail")
        client.wait(2, 5000)
    ran = cli(watched_redis.url, "--replica", "stats", "--json")
    assert ran.code == 0, ran.err
    assert ran.json["replica"] in replicas
    assert ran.err.startswith(f"qctl: read from the replica {ran.json['replica']}, which may be behind the primary")
    table = cli(watched_redis.url, "stats", "--replica")
    assert "mail" in table.out
    assert any(f"read from the replica {address}" in table.err for address in replicas)
    assert "replica" not in json.loads(cli(watched_redis.url, "stats", "--json").out)


def test_a_primary_is_never_read_instead(watched_redis: WatchedRedis, cli: Cli) -> None:
    for server in watched_redis.replicas():
        server.kill()

    def refused() -> Ran | None:
        ran = cli(watched_redis.url, "stats", "--replica")
        return ran if ran.code == 4 else None

    ran = eventually(refused, what="a refusal", every=0.2)
    assert ran.out == ""
    assert "the Sentinels know no replica that is up" in ran.err
    assert cli(watched_redis.url, "stats").code == 0


def test_every_finding_of_doctor_can_be_read_from_a_replica(watched_redis: WatchedRedis, cli: Cli) -> None:
    ran = cli(watched_redis.url, "doctor", "--replica", "--json")
    assert ran.json["replica"]
    assert not [
        finding for finding in ran.json["findings"] if finding["check"] == "redis" and finding["status"] != "ok"
    ]


def test_it_takes_sentinels_and_no_monitor(redis_server: RedisServer, cli: Cli) -> None:
    ran = cli(redis_server.url, "stats", "--replica")
    assert (ran.code, ran.out) == (2, "")
    assert "names no Sentinels, who know the replicas; omit --replica" in ran.err
    monitor = cli(redis_server.url, "monitor", "--replica")
    assert monitor.err == "qctl: `qctl monitor` watches the primary; repeat it without --replica\n"
