"""arq: the verbs, or `arq arq_peer.WorkerSettings`."""

from __future__ import annotations

import asyncio
import os
from typing import Any, ClassVar

import timed
import verbs
from arq import create_pool
from arq.connections import RedisSettings
from noop import noop

SERVER = RedisSettings.from_dsn(os.environ["BENCH_REDIS"])


async def task(_context: Any) -> None:
    """Do nothing."""
    noop()


async def report_start(_context: Any, seconds: float) -> None:
    """Report the start, then run for this time."""
    timed.began()
    await asyncio.sleep(seconds)


class WorkerSettings:
    """Settings that the worker reads."""

    functions: ClassVar[list[Any]] = [task, report_start]
    redis_settings = SERVER


async def main() -> None:
    """Do what is asked."""
    pool = await create_pool(SERVER)
    await verbs.run_soon(lambda: pool.enqueue_job("task"), lambda seconds: pool.enqueue_job("report_start", seconds))


if __name__ == "__main__":
    asyncio.run(main())
