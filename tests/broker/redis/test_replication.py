"""Promises are on the replicas before anybody is told, and a failover does not lose them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from redis import Redis
from redis import exceptions as raised
from redis.connection import Connection

from qctl.broker.bookkeeping.budgets import Shares
from qctl.broker.ingest.buffer import Buffer, Commit
from qctl.broker.producer import enqueue
from qctl.broker.producer.enqueue import NewJob
from qctl.broker.producer.owner_limits import OwnerLimits
from qctl.broker.redis import keys, replication
from qctl.broker.redis.connection import connect, describe, translate_errors
from qctl.broker.redis.replication import NotReplicatedError
from qctl.broker.worker import pauses
from qctl.catalog import PIPELINES
from qctl.cli.main import run
from qctl.cli.session import Session
from qctl.errors import NotReplicatedError as Unconfirmed
from qctl.gateway import error_responses
from qctl.ops import Ops
from qctl.settings import Settings
from support.replica import Replica
from support.sentinel import WatchedRedis
from support.servers import RedisServer
from support.waiting import eventually

MakeSettings = Callable[..., Settings]

READINGS = PIPELINES["readings"]


@pytest.fixture
def replica(tmp_path: Path, own_redis: RedisServer) -> Iterator[Replica]:
    """A replica of `own_redis`, which runs."""
    folder = tmp_path / "replica"
    folder.mkdir()
    with Replica(folder, own_redis) as server:
        yield server


@pytest.fixture
def safe_settings(make_settings: MakeSettings, own_redis: RedisServer) -> Settings:
    """Settings for `own_redis` by which one replica must have what is promised."""
    return make_settings(REDIS_URL=own_redis.tcp_url, QCTL_REDIS_REPLICAS="1")


@pytest.fixture
def client(safe_settings: Settings) -> Iterator[Redis]:
    """A client by these settings."""
    with connect(safe_settings, name="qctl-test") as client:
        yield client


def item(n: int) -> bytes:
    return json.dumps({"n": n, "received_ns": time.time_ns()}).encode()


def job(id_: str) -> NewJob:
    return NewJob(id_, "give", "support.jobs.give", "work", {"value": 1}, timeout=60)


def create(client: Redis, *ids: str) -> list[bool]:
    return enqueue.create(client, [job(id_) for id_ in ids], actor="me", retry_seconds=0.0)


@pytest.fixture
def packets(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Collects the packets that connections send."""
    sent: list[bytes] = []
    original = Connection.send_packed_command

    def send(self: Connection, command: list[bytes], check_health: bool = True) -> None:
        sent.append(b"".join(command))
        original(self, command, check_health)

    monkeypatch.setattr(Connection, "send_packed_command", send)
    return sent


def test_commit_and_wait_are_one_packet(
    replica: Replica, client: Redis, safe_settings: Settings, packets: list[bytes]
) -> None:
    buffer = Buffer(client, READINGS, safe_settings)
    buffer.append(Commit([item(1)]))
    packets.clear()
    assert buffer.append(Commit([item(2)])) == 2
    (packet,) = packets
    assert packet.startswith(b"*1\r\n$5\r\nMULTI")
    assert packet.endswith(b"$4\r\nEXEC\r\n*3\r\n$4\r\nWAIT\r\n$1\r\n1\r\n$4\r\n1000\r\n")
    with closing(replica.connect()) as direct:
        assert direct.llen(keys.buffer("readings")) == 2


def test_enqueue_and_wait_are_one_packet(replica: Replica, client: Redis, packets: list[bytes]) -> None:
    create(client, "first")
    packets.clear()
    assert create(client, "second", "third") == [True, True]
    assert [b"WAIT" in packet and b"EVALSHA" in packet for packet in packets] == [True]
    with closing(replica.connect()) as direct:
        assert direct.lrange(keys.queue("work"), 0, -1) == [b"first", b"second", b"third"]


def test_jobs_of_many_owners_and_their_wait_are_one_packet(
    replica: Replica, client: Redis, packets: list[bytes]
) -> None:
    create(client, "warm")
    packets.clear()
    outcomes = enqueue.create_each(
        client, [job("a"), job("b")], [None] * 2, limits=OwnerLimits(), shares=Shares(), actor="me", retry_seconds=0.0
    )
    assert outcomes == [True, True]
    assert [packet.count(b"WAIT") for packet in packets] == [1]


def test_without_replicas_required_nothing_waits(
    own_redis: RedisServer, make_settings: MakeSettings, tmp_path: Path
) -> None:
    settings = make_settings(REDIS_URL=own_redis.url)
    with connect(settings) as client:
        Buffer(client, READINGS, settings).append(Commit([item(1)]))
        create(client, "a")
        pauses.pause(client, "work", actor="me")
        replication.confirm(client)
        assert "cmdstat_wait" not in client.info("commandstats")


def test_commit_without_replica_is_not_acknowledged_and_counts_once(
    replica: Replica, client: Redis, safe_settings: Settings
) -> None:
    buffer = Buffer(client, READINGS, safe_settings)
    replica.freeze()
    commit = Commit([item(1)])
    for _ in range(2):
        with pytest.raises(NotReplicatedError, match="only 0 of 1 replicas"):
            buffer.append(commit)
    with pytest.raises(NotReplicatedError):
        buffer.has_commits()
    replica.thaw()
    assert buffer.append(commit) == 1
    assert buffer.has_commits()
    assert client.llen(keys.buffer("readings")) == 1


def test_job_without_replica_is_not_acknowledged_and_exists_once(replica: Replica, client: Redis) -> None:
    replica.freeze()
    with pytest.raises(NotReplicatedError):
        create(client, "a")
    replica.thaw()
    assert eventually(lambda: _created(client, "a"), what="the confirmation") == [False]
    assert client.lrange(keys.queue("work"), 0, -1) == [b"a"]


def _created(client: Redis, id_: str) -> list[bool] | None:
    try:
        return create(client, id_)
    except NotReplicatedError:  # the replica may just be catching up
        return None


def test_failed_commands_say_why_and_the_connection_is_in_step(
    replica: Replica, client: Redis, safe_settings: Settings
) -> None:
    client.set(keys.buffer("readings"), "no list")
    buffer = Buffer(client, READINGS, safe_settings)
    with pytest.raises(raised.ResponseError, match="WRONGTYPE"):
        buffer.append(Commit([item(1)]))
    client.delete(keys.buffer("readings"))
    assert buffer.append(Commit([item(2)])) == 1
    pipe = client.pipeline()
    pipe.execute_command("NO-SUCH-COMMAND", "secret")
    with pytest.raises(raised.ResponseError) as caught:
        replication.execute(client, pipe)
    assert "secret" not in describe(caught.value)
    assert client.ping()


def test_error_for_people_says_what_is_known(safe_settings: Settings, client: Redis) -> None:
    with pytest.raises(Unconfirmed, match="a failover may lose it") as caught, translate_errors(safe_settings):
        create(client, "a")
    assert error_responses.describe(caught.value)[0] == 503


def test_changes_of_people_are_confirmed(
    own_redis: RedisServer, safe_settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`qctl clear` and `qctl pause` fail without a replica, and leave their entries in the audit."""
    ops = Ops(safe_settings)
    with connect(safe_settings) as client, pytest.raises(NotReplicatedError):
        create(client, "a")
    codes = [run(words, Session(ops)) for words in (("clear", "work", "--yes"), ("pause", "work"))]
    assert codes == [1, 1]
    assert capsys.readouterr().err.count("not confirmed by the replicas") == 2
    assert [(entry.command, entry.outcome) for entry in ops.audit.list()] == [
        ("qctl clear", "done"),
        ("qctl pause", "failed"),
    ]
    folder = tmp_path / "replica"
    folder.mkdir()
    with Replica(folder, own_redis) as replica:
        assert run(("pause", "work"), Session(ops)) == 0
        with closing(replica.connect()) as direct:
            assert direct.hexists(keys.PAUSED, "work")
    ops.close()


def test_a_failover_keeps_what_was_acknowledged(watched_redis: WatchedRedis, make_settings: MakeSettings) -> None:
    settings = make_settings(REDIS_URL=watched_redis.url, QCTL_REDIS_REPLICAS="2")
    with connect(settings) as client:
        buffer = Buffer(client, READINGS, settings)
        for n in range(50):
            buffer.append(Commit([item(n)]))
        create(client, "a", "b")
        pauses.pause(client, "work", actor="me")
        first = watched_redis.kill_primary()
        watched_redis.wait_for_failover(first)
        client.replicas = 1  # type: ignore[attr-defined]
        commit = Commit([item(50)])
        assert eventually(lambda: _appended(buffer, commit), what="a commit after the failover", every=0.1) == 51
        assert client.lrange(keys.queue("work"), 0, -1) == [b"a", b"b"]
        assert client.hexists(keys.PAUSED, "work")


def _appended(buffer: Buffer, commit: Commit) -> int | None:
    try:
        return buffer.append(commit)
    except raised.RedisError:
        return None


def test_a_commit_that_a_failover_lost_is_stored_again(
    watched_redis: WatchedRedis, make_settings: MakeSettings
) -> None:
    """The primary was alone when it took the commit, so nobody was told; it is stored once at the next primary."""
    settings = make_settings(REDIS_URL=watched_redis.url, QCTL_REDIS_REPLICAS="1")
    with connect(settings) as client:
        buffer = Buffer(client, READINGS, settings)
        buffer.append(Commit([item(1)]))
        primary, replicas = watched_redis.primary(), watched_redis.replicas()
        for replica in replicas:
            replica.freeze()
        commit = Commit([item(2)])
        with pytest.raises(NotReplicatedError):
            buffer.append(commit)
        with closing(primary.connect()) as direct:
            assert direct.llen(keys.buffer("readings")) == 2
        primary.kill()
        for replica in replicas:
            replica.thaw()
        watched_redis.wait_for_failover(primary)
        assert eventually(lambda: _appended(buffer, commit), what="the commit", every=0.1) == 2


def test_a_change_across_a_failover_is_not_confirmed(watched_redis: WatchedRedis, make_settings: MakeSettings) -> None:
    """The new primary confirms only what it has: what was changed before may be missing there."""
    settings = make_settings(REDIS_URL=watched_redis.url, QCTL_REDIS_REPLICAS="1")
    with connect(settings) as client:
        before = replication.current_primary(client)
        replication.confirm(client, before)
        first = watched_redis.kill_primary()
        watched_redis.wait_for_failover(first)
        eventually(lambda: _confirmed(client), what="replicas of the new primary", every=0.1)
        with pytest.raises(NotReplicatedError, match="another server became the primary"):
            replication.confirm(client, before)


def _confirmed(client: Redis) -> bool:
    try:
        replication.confirm(client)
    except raised.RedisError:
        return False
    return True
