"""A program of the stack, as data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum


class Stage(IntEnum):
    """The stage at which a program starts, once the previous one is ready. They stop in reverse order, so that
    daemons can drain into a Redis that still runs."""

    REDIS = 0
    BROKER = 1
    DAEMON = 2


@dataclass(frozen=True)
class Program:
    """A server or a daemon that `qctl up` starts.

    `where` is its address or its purpose, for people. `ready` checks whether a server can be used; None for a
    daemon, which reports it itself. `tidy` shortens a line of its log, or returns None to drop it. `warning`
    names known security holes of its version.
    """

    name: str
    command: tuple[str, ...]
    stage: Stage
    where: str
    ready: Callable[[], bool] | None = None
    tidy: Callable[[str], str | None] = str
    warning: str | None = None
