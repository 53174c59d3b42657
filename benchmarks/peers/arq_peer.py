"""arq: `fill COUNT`, or `arq arq_peer.WorkerSettings`."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import Any, ClassVar

from arq import create_pool
from arq.connections import RedisSettings
from noop import noop

SERVER = RedisSettings.from_dsn(os.environ["BENCH_REDIS"])


async def task(_context: Any) -> None:
    """Do nothing."""
    noop()


class WorkerSettings:
    """What the worker reads."""

    functions: ClassVar[list[Any]] = [task]
    redis_settings = SERVER


async def fill(count: int) -> None:
    """Enqueue that many."""
    pool = await create_pool(SERVER)
    for _ in range(count):
        await pool.enqueue_job("task")


if __name__ == "__main__":
    asyncio.run(fill(int(sys.argv[2])))
