"""A network namespace behind one interface whose packets can be made to vanish, while both ends know nothing of it."""

from __future__ import annotations

import os
import subprocess
from types import TracebackType

from support.servers import MissingServerError

INSIDE_MAC = "02:00:00:00:00:02"


class Namespace:
    """A network of its own, `address` its address from outside. Used as a context manager. It takes root."""

    def __init__(self) -> None:
        number = os.getpid() % 60_000
        self.name = f"qctl-{number}"
        self._outside, self._inside = f"qo{number}", f"qi{number}"
        # 198.18.0.0/15 is reserved for benchmarks of networks: nobody's own addresses are there.
        self._gateway, self.address = (f"198.18.{number // 250}.{4 * (number % 62) + n}" for n in (1, 2))

    @property
    def prefix(self) -> list[str]:
        """Words before a command that runs in it."""
        return ["ip", "netns", "exec", self.name]

    def cut(self) -> None:
        """Let no packet through, in either direction. Connections stay open at both ends."""
        _ip("-n", self.name, "link", "set", self._inside, "down")

    def mute(self) -> None:
        """Let requests in and no reply out."""
        _ip("-n", self.name, "route", "replace", "blackhole", f"{self._gateway}/32")

    def join(self) -> None:
        """Let packets through again."""
        _ip("-n", self.name, "link", "set", self._inside, "up")
        subprocess.run(
            ["ip", "-n", self.name, "route", "delete", "blackhole", f"{self._gateway}/32"], capture_output=True
        )

    def __enter__(self) -> Namespace:
        if os.geteuid() != 0:
            raise MissingServerError("a network namespace takes root")
        try:
            _ip("netns", "add", self.name)
            inside = ("type", "veth", "peer", "name", self._inside, "address", INSIDE_MAC, "netns", self.name)
            _ip("link", "add", self._outside, *inside)
            _ip("addr", "add", f"{self._gateway}/30", "dev", self._outside)
            _ip("link", "set", self._outside, "up")
            _ip("-n", self.name, "addr", "add", f"{self.address}/30", "dev", self._inside)
            _ip("-n", self.name, "link", "set", "lo", "up")
            self.join()
            # Known for ever: else the kernel would say "no route to host" while nothing comes back.
            known = ("lladdr", INSIDE_MAC, "dev", self._outside, "nud", "permanent")
            _ip("neighbour", "replace", self.address, *known)
        except (OSError, subprocess.CalledProcessError) as error:
            self._remove()
            raise MissingServerError(f"a network namespace cannot be made here: {error}") from None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._remove()

    def _remove(self) -> None:
        # The kernel removes interfaces of a deleted namespace some time later, and a next one needs the names now.
        subprocess.run(["ip", "link", "delete", self._outside], capture_output=True)
        subprocess.run(["ip", "netns", "delete", self.name], capture_output=True)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)
