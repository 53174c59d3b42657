"""Doing things again and again, each at its own pace, until the demo ends."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Event

from qctl.errors import QctlError

log = logging.getLogger(__name__)

APART = 0.05
"""Seconds between two acts at least."""


@dataclass
class Round:
    """Something done every so many seconds, the first time `after` so many."""

    every: float
    act: Callable[[], object]
    after: float = 0.0


def go(rounds: Sequence[Round], stop: Event) -> None:
    """Do them until `stop`. One that is refused, or finds a server away, is tried again in its time."""
    began = time.monotonic()
    due = [began + each.after for each in rounds]
    while not stop.wait(APART):
        for place, each in enumerate(rounds):
            if time.monotonic() < due[place] or stop.is_set():
                continue
            due[place] = time.monotonic() + each.every
            try:
                each.act()
            except QctlError as error:
                log.info("%s", error.message)
            stop.wait(APART)
