"""The line of messages that wait for Redis: groups, order, answers, and what happens while Redis is away or full."""

from __future__ import annotations

import asyncio
import json
import shutil
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from qctl.broker.ingest.buffer import Buffer, Commit
from qctl.broker.redis import keys
from qctl.broker.redis.connection import connect
from qctl.catalog import PIPELINES
from qctl.settings import Settings
from qctl.sources import group_commit, recent_messages
from qctl.sources.group_commit import Entry, GroupCommit
from qctl.sources.message_parser import reject
from qctl.sources.recent_messages import Known
from support.ingest import letters
from support.proxy import Losing, Proxy
from support.replica import Replica
from support.servers import RedisServer
from support.waiting import PATIENCE_SECONDS

PIPELINE = PIPELINES["messages"]
Make = Callable[..., Settings]


class Answers:
    """Acknowledgements in order."""

    def __init__(self) -> None:
        self.all: list[dict[str, Any]] = []

    def entry(self, n: int, *, silent: bool = False) -> Entry:
        item = json.dumps({"n": n}).encode()
        return Entry(item, len(item), {"ok": True, "msg_id": str(n)}, None if silent else self.all.append)

    @property
    def ok(self) -> list[int]:
        """The numbers that were acknowledged, in order."""
        return [int(answer["msg_id"]) for answer in self.all if answer["ok"]]

    @property
    def busy(self) -> list[int]:
        """The numbers that heard `busy`, in order."""
        return [int(answer["msg_id"]) for answer in self.all if answer.get("code") == "busy"]


@pytest.fixture
def answers() -> Answers:
    """Collects acknowledgements."""
    return Answers()


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[GroupCommit]:
    """A line that is served."""
    with connect(settings) as connection:
        commit = GroupCommit(settings, Buffer(connection, PIPELINE, settings), lambda: None)
        task = asyncio.create_task(commit.serve())
        try:
            yield commit
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            commit.close()


async def until(check: Callable[[], Any]) -> None:
    """Wait in the event loop."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not check():
        assert time.monotonic() < deadline, "it did not happen"
        await asyncio.sleep(0.01)


def run(settings: Settings, act: Callable[[GroupCommit], Awaitable[None]]) -> None:
    """Do something with a line that takes messages."""

    async def serve() -> None:
        async with serving(settings) as commit:
            await until(lambda: commit.busy is None)
            await act(commit)

    asyncio.run(serve())


def stored(connection: Redis) -> list[int]:
    """The numbers in the buffer, in order."""
    return [json.loads(item)["n"] for item in connection.lrange(keys.buffer("messages"), 0, -1)]


def test_nothing_is_acknowledged_before_it_is_there_and_all_in_order(
    settings: Settings, connection: Redis, answers: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing: list[int] = []
    append = Buffer.append

    def watched(self: Buffer, commit: Commit) -> int:
        assert len(commit.items) <= group_commit.GROUP_ENTRIES
        depth = append(self, commit)
        missing.extend(set(answers.ok) - set(stored(connection)))
        return depth

    monkeypatch.setattr(Buffer, "append", watched)

    async def act(commit: GroupCommit) -> None:
        for n in range(3000):
            commit.put(answers.entry(n, silent=n % 3 == 0))
            if n % 100 == 0:
                await asyncio.sleep(0)
        await until(lambda: len(answers.ok) == 2000)

    run(settings, act)
    assert not missing
    assert answers.ok == [n for n in range(3000) if n % 3]
    assert stored(connection) == list(range(3000))
    assert connection.hget(keys.ingest("messages"), "received") == b"3000"


def test_what_comes_together_is_one_transaction(
    settings: Settings, connection: Redis, answers: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    append = Buffer.append
    monkeypatch.setattr(Buffer, "append", lambda self, commit: sizes.append(len(commit.items)) or append(self, commit))

    async def act(commit: GroupCommit) -> None:
        for n in range(1500):
            commit.put(answers.entry(n))
        await until(lambda: len(answers.ok) == 1500)

    run(settings, act)
    assert sizes == [1000, 500]


def test_rejects_are_dead_letters_before_they_are_answered(settings: Settings, connection: Redis) -> None:
    heard: list[Any] = []

    async def act(commit: GroupCommit) -> None:
        for n in range(250):
            letter = reject(["data", n], None, 1, "no message")
            answer = {"ok": False, "code": "invalid", "msg_id": None}
            commit.put(Entry(letter, 100, answer, lambda _: heard.append(len(letters(connection, "messages")))))
        await until(lambda: len(heard) == 250)

    run(settings.replace(reject_samples=1000), act)
    assert heard[0] >= 100
    assert heard[-1] == len(letters(connection, "messages")) == 250


@pytest.mark.kill
def test_while_redis_is_away_all_hear_busy_and_all_is_kept(
    own_redis: RedisServer, make_settings: Make, answers: Answers
) -> None:
    settings = make_settings(REDIS_URL=own_redis.url)
    notified: list[bool] = []

    async def act(commit: GroupCommit) -> None:
        commit.on_busy.append(lambda: notified.append(True))
        for n in range(10):
            commit.put(answers.entry(n, silent=n % 2 == 0))
        await until(lambda: len(answers.ok) == 5)
        own_redis.kill()
        for n in range(10, 20):
            commit.put(answers.entry(n, silent=n % 2 == 0))
        await until(lambda: answers.busy == [11, 13, 15, 17, 19])
        assert commit.busy == "Redis is unreachable"
        for n in range(20, 30):
            commit.put(answers.entry(n, silent=n % 2 == 0))
        assert answers.busy == list(range(11, 30, 2))
        assert notified
        own_redis.restart()
        await until(lambda: commit.busy is None and not commit.waiting)
        commit.put(answers.entry(30))
        await until(lambda: answers.ok == [1, 3, 5, 7, 9, 30])

    run(settings, act)
    with own_redis.connect() as connection:
        assert stored(connection) == list(range(31))


def test_redis_that_can_be_read_and_not_written_is_one_outage(
    own_redis: RedisServer,
    make_settings: Make,
    answers: Answers,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(group_commit, "LEVEL_CHECK_SECONDS", 0.05)
    caplog.set_level("INFO")

    async def act(commit: GroupCommit) -> None:
        await until(lambda: commit.busy is None)
        with own_redis.connect() as connection:
            connection.config_set("appendonly", "no")
            connection.replicaof("127.0.0.1", 1)
            caplog.clear()
            commit.put(answers.entry(1))
            await until(lambda: commit.busy == "Redis refuses to write")
            for _ in range(50):
                await asyncio.sleep(0.02)
                assert commit.busy is not None
            connection.replicaof("NO", "ONE")
            await until(lambda: commit.busy is None and not commit.waiting)

    run(make_settings(REDIS_URL=own_redis.url), act)
    said = [record.getMessage() for record in caplog.records if "acknowledged" in record.getMessage()]
    assert len(said) == 2, said
    assert "is a read-only replica and takes no writes; trying again" in said[0]
    assert said[1].startswith("no messages are acknowledged: over after")
    with own_redis.connect() as connection:
        assert stored(connection) == [1]


def test_above_the_high_water_mark_all_hear_busy(make_settings: Make, connection: Redis, answers: Answers) -> None:
    async def act(commit: GroupCommit) -> None:
        for n in range(20):
            commit.put(answers.entry(n))
        await until(lambda: commit.busy == "the buffer is full")
        commit.put(answers.entry(20))
        assert answers.busy == [20]
        connection.ltrim(keys.buffer("messages"), 15, -1)
        await until(lambda: commit.busy is None and not commit.waiting)

    run(make_settings(QCTL_BUFFER_HIGH_WATER="10"), act)
    assert stored(connection) == list(range(15, 21))


def test_a_full_redis_is_waited_for(own_redis: RedisServer, make_settings: Make, answers: Answers) -> None:
    async def act(commit: GroupCommit) -> None:
        with own_redis.connect() as connection:
            connection.config_set("maxmemory", 1)
            commit.put(answers.entry(1))
            await until(lambda: answers.busy == [1])
            assert commit.busy == "the buffer is full"
            connection.config_set("maxmemory", 0)
            await until(lambda: commit.busy is None and not commit.waiting)
            assert stored(connection) == [1]

    run(make_settings(REDIS_URL=own_redis.url), act)


def test_the_line_is_bounded(
    make_settings: Make, own_redis: RedisServer, answers: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_commit, "MAX_WAITING_ENTRIES", 50)

    async def act(commit: GroupCommit) -> None:
        own_redis.freeze()
        for n in range(50):
            assert commit.has_room
            commit.put(answers.entry(n, silent=True))
        assert not commit.has_room
        own_redis.kill()
        await until(lambda: commit.busy)
        commit.put(answers.entry(50))
        assert (answers.busy, commit.waiting) == ([50], 50)
        own_redis.restart()
        await asyncio.wait_for(commit.room(), PATIENCE_SECONDS)
        await until(lambda: not commit.waiting)

    run(make_settings(REDIS_URL=own_redis.url), act)
    with own_redis.connect() as connection:
        assert stored(connection) == list(range(50))


def test_a_defect_ends_it(settings: Settings, answers: Answers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Buffer, "append", lambda *_: 1 / 0)

    async def serve() -> None:
        with connect(settings) as connection:
            commit = GroupCommit(settings, Buffer(connection, PIPELINE, settings), lambda: None)
            commit.put(answers.entry(1))
            try:
                await asyncio.wait_for(commit.serve(), PATIENCE_SECONDS)
            finally:
                commit.close()

    with pytest.raises(ZeroDivisionError):
        asyncio.run(serve())


def test_a_group_whose_reply_was_lost_is_stored_once_and_acknowledged(
    redis_server: RedisServer, make_settings: Callable[..., Settings], answers: Answers
) -> None:
    with Proxy(redis_server.port) as proxy:

        async def act(commit: GroupCommit) -> None:
            proxy.losing = Losing(reply_to=lambda data: b"EXEC" in data)
            for n in range(3):
                commit.put(answers.entry(n, silent=True))
            await until(lambda: proxy.lost)
            commit.put(answers.entry(3, silent=True))
            proxy.heal()
            await until(lambda: not commit.waiting)

        run(make_settings(REDIS_URL=proxy.redis_url), act)
    with redis_server.connect() as connection:
        assert stored(connection) == [0, 1, 2, 3]


def copy_of(entry: Entry, answers: Answers) -> Entry:
    """The same message, sent again by a client that waits for its acknowledgement."""
    return Entry(entry.message, entry.size, entry.done, answers.all.append, entry.identity)


def identified(answers: Answers, n: int, *, silent: bool = False) -> Entry:
    """A message whose copies are recognised."""
    entry = answers.entry(n, silent=silent)
    entry.identity = n
    return entry


@pytest.mark.parametrize("silent", [False, True])
def test_a_copy_of_a_message_that_waits_is_acknowledged_with_it(
    settings: Settings, connection: Redis, answers: Answers, silent: bool
) -> None:
    async def act(commit: GroupCommit) -> None:
        first = identified(answers, 1, silent=silent)
        for entry in (first, copy_of(first, answers), identified(answers, 2), copy_of(first, answers)):
            commit.put(entry)
        await commit.caught_up(PATIENCE_SECONDS)
        assert commit.repeated == 2

    run(settings, act)
    assert sorted(answers.ok) == sorted([1] * (2 if silent else 3) + [2])
    assert stored(connection) == [1, 2]


def test_a_copy_of_a_committed_message_is_acknowledged_at_once(
    settings: Settings, connection: Redis, answers: Answers
) -> None:
    async def act(commit: GroupCommit) -> None:
        first = identified(answers, 1)
        commit.put(first)
        await commit.caught_up(PATIENCE_SECONDS)
        commit.put(copy_of(first, answers))
        assert answers.ok == [1, 1]

    run(settings, act)
    assert stored(connection) == [1]


def test_copies_that_arrive_while_redis_is_away_are_stored_once(
    own_redis: RedisServer, make_settings: Make, answers: Answers
) -> None:
    async def act(commit: GroupCommit) -> None:
        own_redis.kill()
        first = identified(answers, 1)
        commit.put(first)
        await until(lambda: commit.busy is not None)
        for _ in range(5):
            commit.put(copy_of(first, answers))
        assert answers.busy == [1] * 6
        own_redis.restart()
        await until(lambda: not commit.waiting)
        commit.put(copy_of(first, answers))
        assert answers.ok == [1]

    run(make_settings(REDIS_URL=own_redis.url), act)
    with own_redis.connect() as client:
        assert stored(client) == [1]


@pytest.mark.parametrize("emptied", [False, True])
def test_a_copy_of_a_committed_message_is_stored_again_only_if_redis_came_back_without_it(
    own_redis: RedisServer, make_settings: Callable[..., Settings], answers: Answers, emptied: bool
) -> None:
    async def act(commit: GroupCommit) -> None:
        first = identified(answers, 1)
        commit.put(first)
        await until(lambda: answers.ok == [1])
        own_redis.kill()
        await until(lambda: commit.busy is not None)
        commit.put(copy_of(first, answers))
        assert answers.busy == [1], "whether it is still there is not known yet"
        if emptied:
            shutil.rmtree(own_redis.folder / "appendonlydir")
        own_redis.start()
        await until(lambda: commit.busy is None and not commit.waiting)
        commit.put(copy_of(first, answers))
        await until(lambda: answers.ok == [1, 1])

    run(make_settings(REDIS_URL=own_redis.url), act)
    with own_redis.connect() as client:
        assert stored(client) == [1]
        assert client.hget(keys.ingest("messages"), "received") == b"1"


def test_only_so_many_messages_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recent_messages, "MAX_RECENT_MESSAGES", 2)
    recent: recent_messages.RecentMessages[str] = recent_messages.RecentMessages()
    for n in range(4):
        recent.add(n, str(n))
        recent.commit(n)
    assert [recent.state(n) for n in range(4)] == [Known.NEW, Known.NEW, Known.COMMITTED, Known.COMMITTED]
    recent.drop_committed()
    assert recent.state(3) is Known.NEW


def test_a_flood_of_copies_is_bounded_and_answered(
    settings: Settings, connection: Redis, answers: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_commit, "MAX_COPIES", 50)

    async def act(commit: GroupCommit) -> None:
        first = identified(answers, 1)
        for entry in (first, *(copy_of(first, answers) for _ in range(5000))):
            commit.put(entry)
        await commit.caught_up(PATIENCE_SECONDS)

    run(settings, act)
    assert (len(answers.ok), len(answers.busy)) == (51, 4950)
    assert stored(connection) == [1]


def test_entries_are_busy_until_a_replica_has_them(
    make_settings: Make, own_redis: RedisServer, answers: Answers, tmp_path: Path
) -> None:
    settings = make_settings(REDIS_URL=own_redis.tcp_url, QCTL_REDIS_REPLICAS="1")
    folder = tmp_path / "replica"
    folder.mkdir()
    replica = Replica(folder, own_redis)

    async def act(commit: GroupCommit) -> None:
        commit.put(answers.entry(1))
        await until(lambda: bool(answers.busy))
        assert commit.busy == "too few replicas have it"
        replica.launch()
        await until(lambda: commit.busy is None)
        commit.put(answers.entry(2))
        await until(lambda: 2 in answers.ok)

    try:
        run(settings, act)
    finally:
        replica.end()
    with connect(settings) as connection:
        assert stored(connection) == [1, 2]
    assert answers.busy[0] == 1
    assert 1 not in answers.ok
