"""Hosts as network namespaces at one bridge, whose links can be cut. It takes root."""

from __future__ import annotations

import os
import subprocess
from contextlib import ExitStack
from types import TracebackType

from cluster.wire import BadWire, send_whole_frames


class NoNetworkError(Exception):
    """Namespaces cannot be made here. The message says why."""


class Host:
    """A network of its own with one interface, `address` its address for all others."""

    def __init__(self, name: str, address: str, port_name: str, bridge: str) -> None:
        self._bridge = bridge
        self._bad_cable = ExitStack()
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

    def unmute(self) -> None:
        """Let all packets out again."""
        _ip("-n", self.name, "route", "flush", "type", "blackhole")

    def lose(self, share: float, delay_seconds: float) -> None:
        """Lose a share of all that it sends, and delay the rest."""
        near, far = f"{self.port_name}n", f"{self.port_name}f"
        self._bad_cable.callback(_ip, "link", "set", self.port_name, "master", self._bridge)
        _ip("link", "add", near, "type", "veth", "peer", "name", far)
        self._bad_cable.callback(_ip, "link", "delete", near)
        for name in (self.port_name, near):  # this machine has addresses of its own, and must not answer here
            _ip("link", "set", name, "nomaster", "arp", "off", "up")
        _ip("link", "set", far, "master", self._bridge, "up")
        self._bad_cable.enter_context(BadWire(self.port_name, near, loss=share, delay_seconds=delay_seconds))

    def lose_nothing(self) -> None:
        """Send everything at once again."""
        self._bad_cable.close()


class Network:
    """`count` hosts, and this process as one more, at `address`. Used as a context manager."""

    def __init__(self, count: int) -> None:
        number = os.getpid() % 60_000
        self._bridge = f"qb{number}"
        # 198.18.0.0/15 is reserved for benchmarks of networks; tests/support/network.py has its lower half.
        self._subnet = f"198.19.{number % 250}"
        self.address = f"{self._subnet}.254"
        self.hosts = [
            Host(f"qctl-{number}-{n}", f"{self._subnet}.{n}", f"qh{number}-{n}", self._bridge)
            for n in range(1, count + 1)
        ]
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
        send_whole_frames(self._bridge)
        _ip("link", "set", self._bridge, "up")
        for host in self.hosts:
            _ip("netns", "add", host.name)
            self._made.callback(_ip, "netns", "delete", host.name)  # its interfaces go with it
            inside = f"{host.port_name}i"
            _ip("link", "add", host.port_name, "type", "veth", "peer", "name", inside)
            send_whole_frames(inside)
            _ip("link", "set", inside, "netns", host.name, "name", "eth0")
            _ip("link", "set", host.port_name, "master", self._bridge)
            _ip("-n", host.name, "addr", "add", f"{host.address}/24", "dev", "eth0")
            for name in ("lo", "eth0"):
                _ip("-n", host.name, "link", "set", name, "up")
            self._made.callback(host.lose_nothing)
            host.join()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._made.close()


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)
