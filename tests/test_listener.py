"""Servers reserve an address at once and take connections once opened, or fail and name the setting."""

from __future__ import annotations

import select
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from qctl.errors import SettingsError
from qctl.listener import Listener
from support.process import free_port
from support.waiting import PATIENCE_SECONDS

HOST, PORT = "A_HOST", "A_PORT"


def test_connections_send_at_once() -> None:
    port = free_port()
    with (
        Listener((HOST, "127.0.0.1"), (PORT, port), "hint") as listener,
        listener.open() as opened,
        socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS),
        opened.accept()[0] as accepted,
    ):
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_a_port_that_is_taken_is_named() -> None:
    port = free_port()
    with (
        Listener((HOST, "127.0.0.1"), (PORT, port), "take another") as listener,
        listener.open(),
        pytest.raises(SettingsError, match=rf"cannot listen on 127\.0\.0\.1 port {port}: ") as caught,
    ):
        Listener((HOST, "127.0.0.1"), (PORT, port), "take another")
    assert (caught.value.name, caught.value.hint) == (PORT, "take another")


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_processes_share_an_address_and_each_client_stays_with_one(host: str) -> None:
    with free_listeners(host) as (first, second):
        port = first.getsockname()[1]
        addresses = [f"127.0.0.{n}" for n in range(1, 9)] if host == "127.0.0.1" else ["::1"]
        served: dict[str, set[int]] = {address: set() for address in addresses}
        for address in addresses * 4:
            with socket.create_connection((host, port), PATIENCE_SECONDS, (address, 0)):
                (ready, *others), _, _ = select.select([first, second], [], [], PATIENCE_SECONDS)
                assert not others
                ready.accept()[0].close()
                served[address].add(ready.fileno())
        assert {len(numbers) for numbers in served.values()} == {1}
        if host == "127.0.0.1":
            assert set.union(*served.values()) == {first.fileno(), second.fileno()}


@contextmanager
def free_listeners(host: str) -> Iterator[list[socket.socket]]:
    """Two sockets that listen on one address."""
    port = free_port()
    with ExitStack() as stack:
        both = [stack.enter_context(Listener((HOST, host), (PORT, port), "hint", sharing=2)) for _ in range(2)]
        yield [stack.enter_context(listener.open()) for listener in both]


def test_an_address_is_shared_only_if_both_want_it() -> None:
    port = free_port()
    with (
        Listener((HOST, "127.0.0.1"), (PORT, port), "hint", sharing=2) as listener,
        listener.open(),
        pytest.raises(SettingsError),
        Listener((HOST, "127.0.0.1"), (PORT, port), "hint") as other,
    ):
        other.open()


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-host.invalid"])
def test_a_host_that_is_not_ours_is_named(host: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Listener((HOST, host), (PORT, free_port()), "hint")
    assert caught.value.name == HOST


def test_connections_are_refused_until_it_is_opened() -> None:
    port = free_port()
    with Listener((HOST, "127.0.0.1"), (PORT, port), "hint") as listener:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), timeout=10)
        listener.open()
        socket.create_connection(("127.0.0.1", port), timeout=10).close()


def test_of_two_that_reserved_an_address_the_second_to_open_fails() -> None:
    port = free_port()
    with (
        Listener((HOST, "127.0.0.1"), (PORT, port), "hint") as first,
        Listener((HOST, "127.0.0.1"), (PORT, port), "take another") as second,
    ):
        first.open()
        with pytest.raises(SettingsError, match=f"port {port}: Address already in use") as caught:
            second.open()
    assert (caught.value.name, caught.value.hint) == (PORT, "take another")
