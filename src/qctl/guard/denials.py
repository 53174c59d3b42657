"""Counts what a server refuses, and logs one line when refusing for a reason begins and one when it has ended."""

from __future__ import annotations

import logging
import time
from collections import Counter
from dataclasses import dataclass
from typing import Literal

log = logging.getLogger(__name__)

Reason = Literal["connections", "address", "unfinished", "unadmitted", "packets", "tokens"]

HINTS: dict[Reason, str] = {
    "connections": "the limit of QCTL_MAX_CONNECTIONS is reached",
    "address": "an address has reached QCTL_MAX_ADDRESS_CONNECTIONS; a proxy must be in QCTL_TRUSTED_PROXIES",
    "unfinished": "requests did not arrive within QCTL_REQUEST_TIMEOUT",
    "unadmitted": "Socket.IO clients sent no valid token in time, or too many waited with none",
    "packets": "Socket.IO clients sent packets that no client library sends, or too many before their token",
    "tokens": "an address sent too many wrong tokens",
}
"""Reasons of denials, in words for the log."""

CALM_SECONDS = 60.0
"""Time (s) without a refusal after which refusing has ended."""


@dataclass
class _Episode:
    """Denials for one reason since they began."""

    refused: int
    last_at: float


class Denials:
    """The denials of one server."""

    def __init__(self) -> None:
        self._counts: Counter[Reason] = Counter()
        self._episodes: dict[Reason, _Episode] = {}

    @property
    def counts(self) -> dict[str, int]:
        """Denials since the server started, by reason."""
        return {reason: self._counts[reason] for reason in HINTS}

    def note(self, reason: Reason, address: str = "") -> None:
        """Count a refusal. `address` is that of the first client in the log."""
        self._counts[reason] += 1
        now = time.monotonic()
        episode = self._episodes.get(reason)
        if episode is None:
            self._episodes[reason] = _Episode(1, now)
            _log("refusing began", reason, client=address)
        else:
            episode.refused += 1
            episode.last_at = now

    def check(self) -> None:
        """Log the end of refusing; called about once a second."""
        if not self._episodes:
            return
        now = time.monotonic()
        for reason, episode in list(self._episodes.items()):
            if now - episode.last_at > CALM_SECONDS:
                del self._episodes[reason]
                _log("refusing ended", reason, refused=episode.refused)


def _log(event: str, reason: Reason, **fields: object) -> None:
    text = " ".join(f"{name}={value}" for name, value in fields.items())
    log.warning("%s: %s: %s", event, HINTS[reason], text, extra={"event": event, "reason": reason, **fields})
