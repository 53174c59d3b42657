"""Logs an outage: each cause once, and the end; not every attempt."""

from __future__ import annotations

import logging
import re
import time

_NUMBER = re.compile(r"\d+(\.\d+)?")


class Outage:
    """An operation that is retried until it succeeds. Only one thread at a time may use it."""

    def __init__(self, log: logging.Logger, consequence: str) -> None:
        """Log to `log`. `consequence` is a sentence: `no jobs are claimed`."""
        self._log = log
        self._consequence = consequence
        self._cause = ""
        self._began = 0.0
        self._attempts = 0

    def add(self, cause: str, level: int = logging.WARNING) -> None:
        """Count a failed attempt. Log it at `level` if its cause is a new one; numbers in it do not make it new."""
        if not self._attempts:
            self._began = time.monotonic()
        self._attempts += 1
        pattern = _NUMBER.sub("#", cause)
        is_new = pattern != self._cause
        self._cause = pattern
        self._log.log(level if is_new else logging.DEBUG, "%s: %s; trying again", self._consequence, cause)

    def end(self) -> None:
        """Log that an attempt succeeded, if others had failed."""
        if self._attempts:
            seconds = time.monotonic() - self._began
            self._log.info("%s: over after %.0f s, attempts=%d", self._consequence, seconds, self._attempts)
        self._attempts, self._cause = 0, ""
