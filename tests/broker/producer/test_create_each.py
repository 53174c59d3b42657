"""Creation of jobs of different owners in one round trip: each is created or refused for itself."""

from __future__ import annotations

import time
from typing import Any

import pytest
from redis import Redis
from redis.connection import AbstractConnection
from redis.exceptions import ConnectionError, ResponseError

from qctl.broker.bookkeeping import user_sessions
from qctl.broker.bookkeeping.budgets import Shares
from qctl.broker.bookkeeping.user_sessions import Token
from qctl.broker.producer import enqueue
from qctl.broker.producer.enqueue import NewJob
from qctl.broker.producer.owner_limits import OwnerLimits
from qctl.broker.redis import keys
from qctl.broker.redis.connection import connect
from qctl.errors import LoggedOutError, RateLimitedError, UsageError
from qctl.settings import Settings
from support.process import free_port
from support.proxy import Proxy
from support.servers import RedisServer
from support.waiting import PATIENCE_SECONDS


def new(id_: str, owner: str | None = None, **fields: Any) -> NewJob:
    defaults = {"arguments": {"value": id_}, "queue": "work", "owner": owner, "timeout": 60}
    return NewJob(id_, "give", "support.jobs.give", **{**defaults, **fields})


def create_each(connection: Redis, *jobs: NewJob, retry_seconds: float = 2.0) -> list[bool | Exception]:
    return enqueue.create_each(
        connection,
        jobs,
        [None] * len(jobs),
        limits=OwnerLimits(active=1),
        shares=Shares(),
        actor="me",
        retry_seconds=retry_seconds,
    )


def test_jobs_need_an_open_session_if_they_have_a_token(connection: Redis) -> None:
    versions = {owner: user_sessions.start(connection, owner) for owner in ("ada", "bob", "eve")}
    user_sessions.end(connection, "token-of-bob", 60)
    user_sessions.end_all(connection, "eve")
    tokens = [
        Token("ada", versions["ada"], "token-of-ada"),
        Token("bob", versions["bob"], "token-of-bob"),
        Token("eve", versions["eve"], "token-of-eve"),
        Token("kim", 0, "token-of-kim"),
        None,
    ]
    owners = ("ada", "bob", "eve", "kim", "ivy")
    outcomes = enqueue.create_each(
        connection,
        [new(f"of-{owner}", owner) for owner in owners],
        tokens,
        limits=OwnerLimits(per_minute=1),
        shares=Shares(),
        actor="me",
        retry_seconds=0.0,
    )
    assert (outcomes[0], outcomes[4]) == (True, True)
    assert all(isinstance(outcome, LoggedOutError) for outcome in outcomes[1:4])
    assert connection.lrange(keys.queue("work"), 0, -1) == [b"of-ada", b"of-ivy"]
    assert not connection.exists(*(keys.owner_created(owner) for owner in owners[1:4])), "refusals count as no attempts"


def test_jobs_of_many_owners_are_created_in_their_order(connection: Redis) -> None:
    jobs = [new(f"{n}", f"owner-{n}") for n in range(30)]
    assert create_each(connection, *jobs) == [True] * 30
    assert connection.lrange(keys.queue("work"), 0, -1) == [b"%d" % n for n in range(30)]
    assert create_each(connection, *jobs) == [False] * 30


def test_a_refusal_concerns_its_own_job_only(connection: Redis) -> None:
    connection.set(keys.queue("broken"), "text")
    outcomes = create_each(
        connection,
        new("a", "ada"),
        new("b", "ada"),
        new("c", "bob", arguments={"value": float("nan")}),
        new("d", "eve", queue="broken"),
        new("e", "eve"),
        new("e", "eve"),
    )
    assert [outcomes[n] for n in (0, 4, 5)] == [True, True, False]
    assert isinstance(outcomes[1], RateLimitedError)
    assert isinstance(outcomes[2], UsageError)
    assert isinstance(outcomes[3], ResponseError)
    assert "WRONGTYPE" in str(outcomes[3])
    assert connection.lrange(keys.queue("work"), 0, -1) == [b"a", b"e"]


def test_nothing_is_sent_for_jobs_that_are_invalid() -> None:
    client = connect(Settings.load({"REDIS_URL": f"redis://127.0.0.1:{free_port()}"}), name="qctl-test")
    (outcome,) = create_each(client, new("a", arguments={"value": object()}))
    assert isinstance(outcome, UsageError)


def test_a_script_that_redis_has_lost_is_sent_again(connection: Redis) -> None:
    create_each(connection, new("a"))
    connection.script_flush()
    assert create_each(connection, new("b"), new("c")) == [True, True]
    assert connection.lrange(keys.queue("work"), 0, -1) == [b"a", b"b", b"c"]


def test_lost_replies_create_each_job_once(own_redis: RedisServer) -> None:
    with Proxy(own_redis.port) as proxy, connect(Settings.load({"REDIS_URL": proxy.redis_url})) as through:
        create_each(through, new("first"))  # Redis knows the script now
        proxy.lose_replies(1)
        assert create_each(through, new("a"), new("b"), retry_seconds=PATIENCE_SECONDS) == [False, False]
        assert proxy.lost == 1
    with own_redis.connect() as direct:
        assert direct.lrange(keys.queue("work"), 0, -1) == [b"first", b"a", b"b"]


def test_unreachable_redis_is_tried_for_the_time_that_is_left() -> None:
    client = connect(Settings.load({"REDIS_URL": f"redis://127.0.0.1:{free_port()}"}), name="qctl-test")
    began = time.monotonic()
    with pytest.raises(ConnectionError):
        create_each(client, new("a"), retry_seconds=0.3)
    assert time.monotonic() - began < 5


def test_all_jobs_are_one_packet(connection: Redis, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    client = connect(settings, name="qctl-test")
    create_each(client, new("warm"))
    packets: list[Any] = []
    original = AbstractConnection.send_packed_command

    def send(self: AbstractConnection, command: list[bytes], check_health: bool = True) -> None:
        packets.append(command)
        original(self, command, check_health)

    monkeypatch.setattr(AbstractConnection, "send_packed_command", send)
    assert create_each(client, new("a"), new("b")) == [True, True]
    assert len(packets) == 1
