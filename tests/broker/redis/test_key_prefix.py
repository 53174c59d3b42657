"""QUEUE_PREFIX: two sets of queues in one Redis that do not share keys."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from redis import Redis

from qctl.broker.redis.connection import connect
from qctl.errors import SettingsError
from qctl.settings import Settings
from support.servers import RedisServer
from support.waiting import PATIENCE_SECONDS

BIN = Path(sys.executable).parent


def run(redis_server: RedisServer, program: str, *arguments: str, **env: str) -> str:
    """Output of a program of qctl. It has to succeed."""
    settings = {"REDIS_URL": redis_server.url, "QCTL_HOME": os.getcwd(), **env}
    command = [str(BIN / program), *arguments]
    ended = subprocess.run(
        command, env={**os.environ, **settings}, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_two_prefixes_share_one_redis(connection: Redis, redis_server: RedisServer, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("QUEUE_PREFIX=planning-bord\n")
    planned = run(redis_server, "qctl", "job", "enqueue", "notify", "receiverId=1", "text=a", "-o", "name").strip()
    keys = set(connection.scan_iter())
    assert b"planning-bord:queue:notification" in keys
    assert b"planning-bord:qctl:events" in keys
    assert all(key.startswith(b"planning-bord:") for key in keys)

    (tmp_path / ".env").unlink()
    other = run(redis_server, "qctl", "job", "enqueue", "notify", "receiverId=2", "text=b", "-o", "name").strip()
    run(redis_server, "qctl", "pause", "notification")
    run(redis_server, "qctl-worker", "notification", "--burst", QUEUE_PREFIX="planning-bord")  # is not paused

    mine = json.loads(run(redis_server, "qctl", "job", "show", planned, "--json", QUEUE_PREFIX="planning-bord"))
    assert mine["state"] == "finished"
    theirs = json.loads(run(redis_server, "qctl", "job", "show", other, "--json"))
    assert theirs["state"] == "queued"


def test_prefix_set_too_late_is_an_error() -> None:
    with pytest.raises(SettingsError, match="keys begin with 'rq' already"):
        connect(Settings.load({"QUEUE_PREFIX": "planning-bord"}))


def test_prefix_of_qctl_beside_another_of_rq_is_an_error() -> None:
    code = """
import os
import rq
os.environ["QUEUE_PREFIX"] = "other"
from qctl.broker.redis.connection import connect
from qctl.settings import Settings
connect(Settings.load({"QUEUE_PREFIX": "rq"}))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "QUEUE_PREFIX: is 'rq', but in this process keys begin with 'other' already" in done.stderr


@pytest.mark.parametrize("prefix", ["a b", "{a", "{}", "{a}{b}", "{a:b}", "a:b", "x" * 65])
def test_invalid_prefix_is_an_error(prefix: str) -> None:
    with pytest.raises(SettingsError, match="QUEUE_PREFIX"):
        Settings.load({"QUEUE_PREFIX": prefix})


@pytest.mark.parametrize("prefix", ["{orders}", "shop-{orders}.eu"])
def test_prefix_may_have_a_hash_tag(prefix: str) -> None:
    assert Settings.load({"QUEUE_PREFIX": prefix}).queue_prefix == prefix


def test_keys_with_a_hash_tag_lie_in_one_slot(connection: Redis, redis_server: RedisServer) -> None:
    """The same on a single Redis, where it costs nothing."""
    run(redis_server, "qctl", "job", "enqueue", "notify", "receiverId=1", "text=a", QUEUE_PREFIX="{orders}")
    run(redis_server, "qctl-worker", "notification", "--burst", QUEUE_PREFIX="{orders}")
    found = set(connection.scan_iter())
    assert b"{orders}:queues" in found
    assert b"{orders}:qctl:events" in found
    assert all(key.startswith(b"{orders}:") for key in found)
