"""The durability of an acknowledgement is read from the server."""

from __future__ import annotations

import pytest
from redis import Redis

from qctl.broker.ingest import durability
from qctl.broker.ingest.durability import Durability
from support.servers import RedisServer


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("always", Durability.SYNCED),
        ("everysec", Durability.TWO_SECONDS),
        ("no", Durability.THIRTY_SECONDS),
    ],
)
def test_each_sync_policy_has_its_durability(own_redis: RedisServer, policy: str, expected: Durability) -> None:
    with own_redis.connect() as client:
        client.config_set("appendfsync", policy)
        assert durability.read(client) is expected


def test_without_a_log_all_is_in_memory(own_redis: RedisServer) -> None:
    with own_redis.connect() as client:
        client.config_set("appendonly", "no")
        assert durability.read(client) is Durability.MEMORY_ONLY


def test_a_user_who_may_not_ask_learns_that_it_is_unknown(own_redis: RedisServer) -> None:
    with own_redis.connect() as client:
        client.acl_setuser("source", enabled=True, passwords=["+secret"], keys=["*"], categories=["+@read", "-@admin"])
    with Redis(unix_socket_path=str(own_redis.socket), username="source", password="secret") as source:
        assert durability.read(source) is Durability.UNKNOWN
