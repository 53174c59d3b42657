"""A load balancer: it asks each server for its health, and sends new connections to those that are well."""

from __future__ import annotations

import threading
import urllib.error
import urllib.request
from collections.abc import Sequence
from types import TracebackType

from support.proxy import Proxy

CHECK_SECONDS = 0.2
"""Pause between two checks of a server."""


class Balancer(Proxy):
    """Forwards each new connection to the next of `targets`, ports of 127.0.0.1, whose /healthz was 200 last."""

    def __init__(self, targets: Sequence[int]) -> None:
        super().__init__(targets[0])
        self._targets = list(targets)
        self._well: list[int] = []
        self._ending = threading.Event()
        self._checking = threading.Thread(target=self._check, daemon=True)

    @property
    def well(self) -> list[int]:
        """Ports of the servers that get new connections."""
        return list(self._well)

    def choose_target(self) -> int:
        """The next server that is well. Without any, one that is not: it refuses."""
        self._targets.append(self._targets.pop(0))
        return next((port for port in self._targets if port in self._well), self._targets[0])

    def _check(self) -> None:
        while not self._ending.wait(CHECK_SECONDS):
            self._well = [port for port in self._targets if _is_well(port)]

    def __enter__(self) -> Balancer:
        super().__enter__()
        self._checking.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ending.set()
        self._checking.join()
        super().__exit__(kind, error, trace)


def _is_well(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as reply:
            return bool(reply.status == 200)
    except (urllib.error.URLError, OSError):
        return False
