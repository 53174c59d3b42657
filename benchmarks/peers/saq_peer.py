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


async def report_start(_context: Any, *, seconds: float) -> None:
    """Report the start, then run for this time."""
    timed.began()
    await asyncio.sleep(seconds)


settings = {"queue": queue, "functions": [task, report_start]}


async def main() -> None:
    """Do what is asked."""
    await queue.connect()
    await verbs.run_soon(lambda: queue.enqueue("task"), lambda seconds: queue.enqueue("report_start", seconds=seconds))
    await queue.disconnect()


if __name__ == "__main__":
    asyncio.run(main())
