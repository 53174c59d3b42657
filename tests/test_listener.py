"""Servers listen at once, or fail with an error that names the setting."""

from __future__ import annotations

import socket

import pytest

from qctl.errors import SettingsError
from qctl.listener import listen
from support.process import free_port

HOST, PORT = "A_HOST", "A_PORT"


def test_connections_send_at_once() -> None:
    port = free_port()
    with (
        listen((HOST, "127.0.0.1"), (PORT, port), "hint") as listener,
        socket.create_connection(("127.0.0.1", port), timeout=10),
        listener.accept()[0] as accepted,
    ):
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_a_port_that_is_taken_is_named() -> None:
    port = free_port()
    with (
        listen((HOST, "127.0.0.1"), (PORT, port), "take another"),
        pytest.raises(SettingsError, match=rf"cannot listen on 127\.0\.0\.1 port {port}: ") as caught,
    ):
        listen((HOST, "127.0.0.1"), (PORT, port), "take another")
    assert (caught.value.name, caught.value.hint) == (PORT, "take another")


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-host.invalid"])
def test_a_host_that_is_not_ours_is_named(host: str) -> None:
    with pytest.raises(SettingsError) as caught:
        listen((HOST, host), (PORT, free_port()), "hint")
    assert caught.value.name == HOST
