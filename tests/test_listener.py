"""Servers reserve an address at once and take connections once opened, or fail and name the setting."""

from __future__ import annotations

import socket

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
