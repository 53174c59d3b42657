"""saq: `fill COUNT`, or `saq saq_peer.settings`."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import Any

from noop import noop
from saq import Queue

queue = Queue.from_url(os.environ["BENCH_REDIS"])


async def task(_context: Any) -> None:
    """Do nothing."""
    noop()


settings = {"queue": queue, "functions": [task]}


async def fill(count: int) -> None:
    """Enqueue that many."""
    await queue.connect()
    for _ in range(count):
        await queue.enqueue("task")
    await queue.disconnect()


if __name__ == "__main__":
    asyncio.run(fill(int(sys.argv[2])))
