"""The screens' reads cost Redis a bounded number of commands, however many jobs there are."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator

import pytest
from redis import Redis

from qctl.broker.ingest.topics import TopicCounters
from qctl.ops import Ops
from qctl.settings import Settings
from qctl.tui.app import Monitor
from qctl.tui.data import timed_cache
from qctl.tui.data.cached_data import CachedData
from qctl.tui.page import Page
from support import stock
from support.servers import RedisServer

QUEUES = 20

MAX_COMMANDS = {
    "1": 60 * QUEUES,
    "2": 35 * QUEUES,
    "3": 70 * QUEUES,
    "4": 140 * QUEUES,
    "5": 100,
    "6": 60,
    "7": 60,
    "8": 10,
    "9": 3,
    "L": 3,
}
"""Most commands of one refresh, by screen, with 5 waiting jobs and 5 dead letters in each queue. Screen 4 reads as many
where that takes so little processor time that nothing is cached; screen 7 reads topics and causes of each pipeline."""

SLACK = 20
"""Commands that a read may cost more or less, by what it finds in caches."""

MORE_JOBS = 20
"""Jobs and dead letters of each queue that are added."""

MAX_MORE_COMMANDS = {"1": 25 * QUEUES, "2": 25 * QUEUES, "3": 0, "4": 17 * MORE_JOBS * QUEUES}
"""Commands that these may add. Screens 1 and 2 read the names of a sample of jobs of each queue. Screen 4 reads dead
letters of stock workers one by one, up to 10,000, for their causes and for the list: no index holds them. What takes
long to read is then read less often, which this test leaves out. Other screens read no more."""


@pytest.fixture
def site(own_redis: RedisServer, make_settings: Callable[..., Settings]) -> Iterator[tuple[Redis, Monitor]]:
    """A Redis of its own with some queues, and a monitor of it that is not shown."""
    connection = own_redis.connect()
    fill(connection, 5)
    ops = Ops(make_settings(REDIS_URL=own_redis.url))
    pour(ops, connection, 5)
    stock.die(connection, stock.enqueue(connection, "sensor-data", "reject"))
    yield connection, Monitor(CachedData(ops), ops)
    ops.close()
    connection.close()


def fill(connection: Redis, jobs: int, first: int = 0) -> None:
    """So many waiting jobs and dead letters in each queue."""
    for queue in range(QUEUES):
        stock.register_worker(connection, f"w{queue}", f"q{queue}")
        for number in range(first, first + jobs):
            stock.enqueue(connection, f"q{queue}", f"w{queue}-{number}")
            stock.die(connection, stock.enqueue(connection, f"q{queue}", f"d{queue}-{number}"))


def pour(ops: Ops, connection: Redis, topics: int) -> None:
    """A message in the buffer of the pipeline, and so many topics that sent one."""
    ops.ingest.push("readings", [b'{"temperature": 21.5}'], topic="sensors/0")
    counters = TopicCounters(connection, "readings")
    for number in range(topics):
        counters.add(f"sensors/{number}", 5_000_000)
    counters.flush()
    assert ops.ingest.topics().matching == topics


def commands_of(connection: Redis, page: Page) -> int:
    """Commands of the second read, at the same moment as the first one, which fills caches."""
    now = time.monotonic()
    with pytest.MonkeyPatch.context() as clock:
        clock.setattr(time, "monotonic", lambda: now)
        clock.setattr(timed_cache, "CHEAP_READ_SECONDS", math.inf)  # no read is spared because it took long
        page.read(page.data)
        before = connection.info("stats")["total_commands_processed"]
        page.read(page.data)
    return int(connection.info("stats")["total_commands_processed"] - before - 1)


def test_a_refresh_of_a_screen_costs_redis_few_commands(site: tuple[Redis, Monitor]) -> None:
    connection, monitor = site
    few = {page.digit: commands_of(connection, page) for page in monitor._pages}
    assert set(few) == set(MAX_COMMANDS)
    assert {digit: count for digit, count in few.items() if count > MAX_COMMANDS[digit]} == {}
    fill(connection, MORE_JOBS, first=5)
    pour(monitor.ops, connection, MORE_JOBS)
    many = {page.digit: commands_of(connection, page) for page in monitor._pages}
    more = {digit: many[digit] - few[digit] for digit in few}
    assert {digit: count for digit, count in more.items() if count > MAX_MORE_COMMANDS.get(digit, 0) + SLACK} == {}
