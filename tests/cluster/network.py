"""Hosts as network namespaces at one bridge, whose links can be cut. It takes root."""

from __future__ import annotations

import os
import subprocess
from contextlib import ExitStack
from types import TracebackType


class NoNetworkError(Exception):
    """Namespaces cannot be made here. The message says why."""


class Host:
    """A network of its own with one interface, `address` its address for all others."""

    def __init__(self, name: str, address: str, port_name: str) -> None:
        self.name = name
        self.address = address
        self.port_name = port_name
        """Name of the bridge's end of the link."""

    @property
    def prefix(self) -> list[str]:
        """Words before a command that runs on it."""
        return ["ip", "netns", "exec", self.name]

    def cut(self) -> None:
        """Pull the cable. Connections stay open at both ends."""
        _ip("link", "set", self.port_name, "down")

    def join(self) -> None:
        """Plug it in again."""
        _ip("link", "set", self.port_name, "up")

    def mute(self, *addresses: str) -> None:
        """Let packets in, and none out to these addresses."""
        for address in addresses:
            _ip("-n", self.name, "route", "replace", "blackhole", f"{address}/32")

    def unmute(self, *addresses: str) -> None:
        """Let packets out again."""
        for address in addresses:
            _ip("-n", self.name, "route", "delete", "blackhole", f"{address}/32")

    def lose(self, percent: int, delay_ms: int) -> None:
        """Lose and delay what it sends. Raises NoNetworkError if this kernel cannot."""
        words = ["tc", "-n", self.name, "qdisc", "replace", "dev", "eth0", "root", "netem"]
        words += ["loss", f"{percent}%", "delay", f"{delay_ms}ms"]
        if subprocess.run(words, capture_output=True).returncode:
            raise NoNetworkError("this kernel has no netem")

    def lose_nothing(self) -> None:
        """Send everything at once again."""
        subprocess.run(["tc", "-n", self.name, "qdisc", "delete", "dev", "eth0", "root"], capture_output=True)


class Network:
    """`count` hosts, and this process as one more, at `address`. Used as a context manager."""

    def __init__(self, count: int) -> None:
        number = os.getpid() % 60_000
        self._bridge = f"qb{number}"
        # 198.18.0.0/15 is reserved for benchmarks of networks; tests/support/network.py has its lower half.
        self._subnet = f"198.19.{number % 250}"
        self.address = f"{self._subnet}.254"
        self.hosts = [Host(f"qctl-{number}-{n}", f"{self._subnet}.{n}", f"qh{number}-{n}") for n in range(1, count + 1)]
        self._made = ExitStack()

    def __enter__(self) -> Network:
        if os.geteuid() != 0:
            raise NoNetworkError("network namespaces take root")
        try:
            self._make()
        except (OSError, subprocess.CalledProcessError) as error:
            self._made.close()
            raise NoNetworkError(f"network namespaces cannot be made here: {error}") from None
        return self

    def _make(self) -> None:
        _ip("link", "add", self._bridge, "type", "bridge")
        self._made.callback(_ip, "link", "delete", self._bridge)
        _ip("addr", "add", f"{self.address}/24", "dev", self._bridge)
        _ip("link", "set", self._bridge, "up")
        for host in self.hosts:
            _ip("netns", "add", host.name)
            self._made.callback(_ip, "netns", "delete", host.name)  # its interfaces go with it
            _ip("link", "add", host.port_name, "type", "veth", "peer", "name", "eth0", "netns", host.name)
            _ip("link", "set", host.port_name, "master", self._bridge)
            _ip("-n", host.name, "addr", "add", f"{host.address}/24", "dev", "eth0")
            for name in ("lo", "eth0"):
                _ip("-n", host.name, "link", "set", name, "up")
            host.join()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._made.close()


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)
