"""What a worker has in its hand beside the job that runs: plain jobs that wait for it, and ends not written yet.

Where jobs take less time than the way to Redis and back, a worker takes some at once and writes their ends together.
Only of queues whose last jobs were all short; and so that a job which takes long after all keeps none waiting, the
lease thread clears the hand then.
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone

from qctl.broker.worker.claim_protocol import Claim, Success
from qctl.broker.worker.fast_path import PlainJob

SHORT = 0.001
"""Seconds that a short job takes at most."""

TRUSTED = 16
"""Short jobs after which the next ones of the queue are expected to be short. Twice as many are remembered."""

DOUBT = 8
"""Short jobs that one counts for which was not, but not `LATE` either: the system may have had it wait."""

MOST = 8
"""Jobs that are claimed at once: as many run again where a worker is killed before it has written their ends."""

LATE = 0.02
"""Seconds after they came in which those that wait may begin, and after which the running job is one that keeps them
waiting. They go back then: another queue may come first, and another worker be free."""

STALE = 5.0
"""Seconds after which no claim is begun: whoever slept so long, or waited for Redis, may have lost it by now."""


@dataclass
class Unwritten:
    """A plain job that succeeded, before that is written. `asked`: Redis was asked to, and may have done it."""

    job: PlainJob
    success: Success
    asked: bool = False


class Hand:
    """What one worker has in its hand. Whoever looks into it, or moves what is in it, holds its `lock`."""

    def __init__(self, most: int) -> None:
        self.lock = threading.RLock()
        self._most = most
        self._short: dict[str, int] = {}
        self._waiting: deque[Claim] = deque()
        self._asked = self._claimed = 0.0
        self._began = math.inf
        self.is_many = False
        """Whether more than one job was claimed last."""
        self.unwritten: list[Unwritten] = []

    def most(self, queue: str) -> int:
        """How many jobs of a queue to claim at once."""
        return self._most if self._short.get(queue, 0) >= TRUSTED else 1

    def ran(self, queue: str, seconds: float) -> None:
        """Note how long a job of a queue took."""
        short = self._short.get(queue, 0)
        if seconds < SHORT:
            self._short[queue] = min(short + 1, 2 * TRUSTED)
        else:
            self._short[queue] = max(short - DOUBT, 0) if seconds < LATE else 0

    def fill(self, claims: Sequence[Claim], asked: float) -> None:
        """Take what was claimed together, after `asked` by `time.monotonic`."""
        with self.lock:
            self._waiting.extend(claims)
            self._asked, self._claimed = asked, time.monotonic()
            self._began = self._claimed
            self.is_many = len(claims) > 1

    def next(self) -> Claim | None:
        """The job to run now. None where none waits, or they have waited too long."""
        with self.lock:
            if not self._waiting:
                return None
            claim, self._began = self._waiting[0], time.monotonic()
            # A way to Redis that takes long is no reason to give them back: the next ones would come as late.
            if self._began - self._asked > STALE or (claim.held and self._began - self._claimed > LATE):
                return None
            self._waiting.popleft()
            return claim._replace(started_at=datetime.now(timezone.utc)) if claim.held else claim

    def drop(self) -> list[Claim]:
        """Let go of those that wait: give them back in this order, the last one first."""
        with self.lock:
            dropped = list(reversed(self._waiting))
            self._waiting.clear()
            return dropped

    def keep(self, dropped: Sequence[Claim]) -> None:
        """Take back what could not be given back yet. None of it begins."""
        with self.lock:
            self._waiting.extend(reversed(dropped))
            self._claimed = -math.inf

    def is_late(self) -> bool:
        """Whether something has waited too long for the running job. Said once a second until that is seen to."""
        now = time.monotonic()
        if not (self._waiting or self.unwritten) or now - self._began < LATE:
            return False
        self._began = now + 1.0
        return True

    def seen_to(self) -> None:
        """Nothing waits for the running job any more, or nothing that can be helped while it runs."""
        self._began = math.inf
