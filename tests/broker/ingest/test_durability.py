"""Durability of acknowledged data is read from the server's configuration."""

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
def test_sync_policy_determines_durability(own_redis: RedisServer, policy: str, expected: Durability) -> None:
    with own_redis.connect() as client:
        client.config_set("appendfsync", policy)
        assert durability.read(client) is expected


def test_without_append_only_file_data_is_in_memory_only(own_redis: RedisServer) -> None:
    with own_redis.connect() as client:
        client.config_set("appendonly", "no")
        assert durability.read(client) is Durability.MEMORY_ONLY


def test_durability_is_unknown_without_right_to_config(own_redis: RedisServer) -> None:
    with own_redis.connect() as client:
        client.acl_setuser("source", enabled=True, passwords=["+secret"], keys=["*"], categories=["+@read", "-@admin"])
    with Redis(unix_socket_path=str(own_redis.socket), username="source", password="secret") as source:
        assert durability.read(source) is Durability.UNKNOWN
