"""saq: the verbs, or `saq saq_peer.settings`."""

from __future__ import annotations

import asyncio
import os
from typing import Any

import timed
import verbs
from noop import noop
from saq import Queue

queue = Queue.from_url(os.environ["BENCH_REDIS"])


async def task(_context: Any) -> None:
    """Do nothing."""
    noop()


async def tell(_context: Any, *, seconds: float) -> None:
    """Tell, then take so long."""
    timed.began()
    await asyncio.sleep(seconds)


settings = {"queue": queue, "functions": [task, tell]}


async def main() -> None:
    """Do what is asked."""
    await queue.connect()
    await verbs.run_soon(lambda: queue.enqueue("task"), lambda seconds: queue.enqueue("tell", seconds=seconds))
    await queue.disconnect()


if __name__ == "__main__":
    asyncio.run(main())
