"""A program of the stack, as data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum


class Stage(IntEnum):
    """When a program starts: each stage once the one before is ready. They stop in the reverse order, so that
    daemons can drain into a Redis that still runs."""

    REDIS = 0
    BROKER = 1
    DAEMON = 2


@dataclass(frozen=True)
class Program:
    """A server or a daemon that `qctl up` starts.

    `where` is its address or its purpose, for the reader. `ready` asks a server whether it can be used; None is
    for a daemon, which says so itself. `tidy` shortens a line of its log, or returns None for one that nobody
    needs to read.
    """

    name: str
    command: tuple[str, ...]
    stage: Stage
    where: str
    ready: Callable[[], bool] | None = None
    tidy: Callable[[str], str | None] = str
