"""Commands of each peer: `fill COUNT` no-ops, `ask COUNT` (start latency of a job in seconds, one line each), or
`hold SECONDS`, a job that runs for this time."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

from redis import Redis


def run(noop: Callable[[], Any], report_start: Callable[[float], Any]) -> None:
    """Do what the arguments of this process say, by these two that enqueue a job each."""

    async def soon_noop() -> None:
        noop()

    async def soon_tell(seconds: float) -> None:
        report_start(seconds)

    asyncio.run(run_soon(soon_noop, soon_tell))


async def run_soon(noop: Callable[[], Awaitable[Any]], report_start: Callable[[float], Awaitable[Any]]) -> None:
    """The same by coroutines."""
    verb, number = sys.argv[1:]
    if verb == "fill":
        for _ in range(int(number)):
            await noop()
    elif verb == "hold":
        await report_start(float(number))
    else:
        await _ask(int(number), report_start)


async def _ask(count: int, report_start: Callable[[float], Awaitable[Any]]) -> None:
    """The first is not told: it waits for the worker to come up."""
    redis = Redis.from_url(os.environ["BENCH_REDIS"], socket_timeout=90)
    for n in range(count + 1):
        before = time.time()
        await report_start(0.0)
        answer = redis.blpop(["began"], timeout=60)
        assert answer, "no job began"
        if n:
            print(float(answer[1]) - before)
