"""Connections to a Redis Cluster: before, during and after the move of a slot, and when a primary dies."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from redis.exceptions import MovedError, RedisError

from qctl.broker.redis import bulk_counts, cluster, completion_names, keys, replication
from qctl.broker.redis.cluster import ClusterPool, Redirected
from qctl.broker.redis.cluster_slots import slot_of
from qctl.broker.redis.connection import _Client, connect
from qctl.broker.redis.scripts import Script
from qctl.broker.worker.claim_connection import ClaimConnection
from qctl.errors import SettingsError
from qctl.settings import Settings
from support.process import free_port
from support.redis_cluster import RedisCluster
from support.waiting import eventually

TAG = "bills"

_renew = Script("worker/renew")
_release = Script("worker/release")


@pytest.fixture
def client(redis_cluster: RedisCluster) -> Iterator[Redis]:
    """A client of a site whose keys have the tag."""
    with connected(redis_cluster.url) as client:
        yield client


def connected(url: str, **options: Any) -> Any:
    pool = cluster.make_pool(url, slot_of(TAG), protocol=2, socket_timeout=5, socket_connect_timeout=1, **options)
    return _Client.from_pool(pool)


def key(name: str) -> str:
    return f"{{{TAG}}}:{name}"


def _port(client: Redis) -> int:
    return int(client.config_get("port")["port"])


def test_slots_are_those_of_redis(redis_cluster: RedisCluster) -> None:
    node = redis_cluster.nodes[0]
    for tag in ("orders", "bills", "a.b-c_D", "x"):
        assert node.run("CLUSTER KEYSLOT", f"{{{tag}}}:queue:email") == slot_of(tag)


def test_a_site_follows_its_slot(redis_cluster: RedisCluster, client: Redis) -> None:
    """Every way of sending goes on when the slot has moved, without an error."""
    claims = ClaimConnection(client)
    renewal = _renew.pack({"leases": key("leases"), "claimant": "w", "lease_ms": 1000})

    def use() -> None:
        client.set(key("a"), "1")
        with client.pipeline() as transaction:
            transaction.set(key("a"), "2").incr(key("count"))
            transaction.execute()
        with client.pipeline(transaction=False) as pipe:
            pipe.incr(key("count")).get(key("a")).incr(key("count"))
            replies = pipe.execute()
        assert replies[1] == b"2"
        claims.send(_renew, *renewal)
        claims.read()
        assert bulk_counts.fetch(client, (("LLEN", key("list")),)) == [0]

    use()
    assert _port(client) == redis_cluster.owner(TAG).port
    for round_number in (2, 3):
        target = redis_cluster.move(TAG)
        use()
        assert _port(client) == target.port
        assert client.get(key("count")) == str(3 * round_number).encode()


def test_while_a_slot_moves_single_keys_follow_and_others_wait(redis_cluster: RedisCluster, client: Redis) -> None:
    client.mset({key(name): name for name in "abcd"})
    source, target = redis_cluster.begin_move(TAG)
    redis_cluster.move_keys(TAG, source, target, at_most=2)
    # Each is where it is, by ASK if it has moved; a new key is written at the target.
    assert [client.get(key(name)) for name in "abcd"] == [b"a", b"b", b"c", b"d"]
    assert client.set(key("new"), "1")
    with client.pipeline(transaction=False) as pipe:
        for name in "abcd":
            pipe.append(key(name), "+")
        assert pipe.execute() == [2, 2, 2, 2]
    with pytest.raises(Redirected, match="is being moved"):
        client.mget([key(name) for name in "abcd"])
    with pytest.raises(Redirected, match="is being moved"), client.pipeline() as transaction:
        transaction.append(key("a"), "!").append(key("b"), "!").append(key("c"), "!").append(key("d"), "!").execute()
    # A watch is not followed: it would end with the connection that asks.
    with pytest.raises(Redirected), client.pipeline() as watching:
        watching.watch(key("absent"))
    redis_cluster.end_move(TAG, source, target)
    assert client.mget([key(name) for name in "abcd"]) == [b"a+", b"b+", b"c+", b"d+"]
    assert client.get(key("new")) == b"1"


def test_keys_of_another_slot_are_refused(redis_cluster: RedisCluster, client: Redis) -> None:
    client.set(key("a"), "1")
    owner = redis_cluster.owner(TAG)
    other = next(tag for tag in "abcdefgh" if redis_cluster.owner(tag) is not owner)
    with pytest.raises(MovedError):
        client.get(f"{{{other}}}:a")
    assert client.get(key("a")) == b"1"


def test_confirmation_by_the_replica_of_the_shard(redis_cluster: RedisCluster) -> None:
    with connected(redis_cluster.url) as client:
        client.replicas = 1
        with client.pipeline() as transaction:
            transaction.set(key("a"), "1")
            assert replication.execute(client, transaction) == [b"OK"]
        redis_cluster.move(TAG)
        with client.pipeline() as transaction:
            transaction.append(key("a"), "2")
            assert replication.execute(client, transaction) == [2]
        client.replicas = 2
        with pytest.raises(replication.NotReplicatedError):
            replication.confirm(client)


def test_primary_dies_and_its_replica_takes_over(redis_cluster: RedisCluster, client: Redis) -> None:
    client.set(key("a"), "1")
    client.wait(1, 5000)
    first = redis_cluster.owner(TAG)
    first.kill()
    eventually(lambda: _written(client), what="a write after the failover", every=0.1)
    assert client.get(key("a")) == b"1"
    first.start()
    eventually(redis_cluster.is_whole, what="the old primary to join", every=0.1)
    # It may not be asked any more, though it is named in the URL: it says who the primary is.
    with connected(f"redis+cluster://127.0.0.1:{first.port}/") as late:
        assert _port(late) == redis_cluster.owner(TAG).port != first.port


def _written(client: Redis) -> bool:
    try:
        return bool(client.set(key("after"), "1"))
    except RedisError:
        return False


def test_replicas_may_be_read(redis_cluster: RedisCluster, client: Redis) -> None:
    client.set(key("a"), "1")
    client.wait(1, 5000)
    with connected(redis_cluster.url, replica=True) as reader:
        # On a busy machine the nodes may take the replica for dead for a moment.
        eventually(lambda: _reads_replica(reader, redis_cluster), what="a connection to the replica", every=0.2)


def _reads_replica(reader: Redis, redis_cluster: RedisCluster) -> bool:
    try:
        return reader.get(key("a")) == b"1" and _port(reader) != redis_cluster.owner(TAG).port
    except RedisError:
        return False


def test_nodes_that_do_not_answer_are_passed_over(redis_cluster: RedisCluster) -> None:
    url = redis_cluster.url.replace("://", f"://127.0.0.1:{free_port()},")
    with connected(url) as client:
        assert client.set(key("a"), "1")
    port = free_port()
    with connected(f"redis+cluster://me:s3cret@127.0.0.1:{port}/") as lost:
        with pytest.raises(RedisError, match=f"slot {slot_of(TAG)} .*127.0.0.1:{port}") as caught:
            lost.ping()
        assert "s3cret" not in str(caught.value)


def test_cluster_needs_a_hash_tag(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="needs one with a hash tag") as caught:
        connect(Settings.load({"REDIS_URL": "redis+cluster://127.0.0.1:1/"}))
    assert caught.value.name == "QUEUE_PREFIX"


def test_completion_finds_the_node(redis_cluster: RedisCluster, client: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(completion_names, "TAG", TAG)
    for name, text in {"QUEUES": key("queues"), "QUEUE_PREFIX": key("queue:"), "PAUSED": key("qctl:paused")}.items():
        monkeypatch.setattr(keys, name, text)
    client.sadd(key("queues"), key("queue:email"))
    for _ in range(2):
        url = redis_cluster.url.replace("://", f"://127.0.0.1:{free_port()},")
        assert eventually(lambda url=url: _names(url), what="names in time") == ["email"]  # type: ignore[misc]
        redis_cluster.move(TAG)


def _names(url: str) -> list[str]:
    try:
        return completion_names.names(url, "queue")
    except OSError:  # a busy machine may not answer within the tenth of a second that a completion has
        return []


def test_scripts_that_make_names_of_keys_name_the_guard(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _renew.signature.names_every_key
    assert not _release.signature.names_every_key


def test_pool_is_one_of_a_cluster(client: Redis) -> None:
    assert isinstance(client.connection_pool, ClusterPool)
