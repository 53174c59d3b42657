"""The contexts beside the one that is shown, each polled in a thread: one that is away holds up no other."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone

from qctl.errors import QctlError
from qctl.models import Health, Stats

POLL_SECONDS = 5.0
"""Time (s) between the end of a poll of a context and the next."""

FIRST_WAIT_SECONDS = 0.5
"""Time (s) that the first read waits for contexts that answer at once."""


@dataclass(frozen=True)
class SiteAnswer:
    """The answer of a context. `error` says why it did not; `stats` and `health` are then those of the last answer,
    None if there was none."""

    name: str
    is_current: bool
    stats: Stats | None = None
    health: Health | None = None
    error: str = ""
    read_at: datetime | None = None


ReadSite = Callable[[], "tuple[Stats, Health]"]
"""Reads one context. Raises QctlError."""


class SiteList:
    """Polls contexts by their names while somebody looks. `current` is the one that the monitor shows."""

    def __init__(self, sites: Mapping[str, ReadSite], current: str) -> None:
        self.current = current
        self.names = sorted(sites)
        self._sites = sites
        self._lock = threading.Lock()
        self._answers = {name: SiteAnswer(name, name == current, error="no answer yet") for name in self.names}
        self._busy: set[str] = set()
        self._due: dict[str, float] = {}

    def read(self) -> Sequence[SiteAnswer]:
        """Return the last answer of each context, and poll those that are due. Never waits for one that is away."""
        now = time.monotonic()
        with self._lock:
            due = [name for name in self.names if name not in self._busy and now >= self._due.get(name, 0.0)]
            is_first = not self._due and not self._busy
            self._busy.update(due)
        threads = [threading.Thread(target=self._poll, args=(name,), daemon=True) for name in due]
        for thread in threads:
            thread.start()
        if is_first:
            for thread in threads:
                thread.join(max(0.0, now + FIRST_WAIT_SECONDS - time.monotonic()))
        with self._lock:
            return [self._answers[name] for name in self.names]

    def _poll(self, name: str) -> None:
        before = self._answers[name]
        try:
            stats, health = self._sites[name]()
            answer = SiteAnswer(name, before.is_current, stats, health, "", datetime.now(timezone.utc))
        except QctlError as error:
            answer = SiteAnswer(name, before.is_current, before.stats, before.health, error.message, before.read_at)
        except Exception as error:  # noqa: BLE001 - shown in its row: a fault here must not end the polling
            reason = f"internal error: {type(error).__name__}: {error}"
            answer = SiteAnswer(name, before.is_current, before.stats, before.health, reason, before.read_at)
        with self._lock:
            self._answers[name] = answer
            self._busy.discard(name)
            self._due[name] = time.monotonic() + POLL_SECONDS
