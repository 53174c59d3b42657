"""The packing of commands and the TLS handshake of qctl's connections, where they differ from redis-py's."""

from __future__ import annotations

from socket import socket
from typing import TYPE_CHECKING

from redis.connection import HiredisRespSerializer, SSLConnection
from redis.exceptions import DataError

from qctl.broker.redis import protocol

if TYPE_CHECKING:
    import ssl  # a large import that connections without TLS do not need


class Packer(HiredisRespSerializer):
    """Packs commands with hiredis. Accepts text decoded with `surrogateescape`, which redis-py's packer refuses."""

    def pack(self, *args: protocol.Argument) -> list[bytes]:  # type: ignore[override]  # redis-py says: lists
        """Pack one command. The words of its name become arguments of their own."""
        name, *rest = args
        words = name.split() if isinstance(name, (str, bytes)) else [name]
        try:
            return [protocol.pack((*words, *rest))]
        except TypeError as error:
            raise DataError(str(error)) from error


class TlsConnection(SSLConnection):
    """TLS whose handshake ends within the connect timeout: a server without TLS sends nothing and waits for more."""

    def _wrap_socket_with_ssl(self, sock: socket) -> ssl.SSLSocket:
        sock.settimeout(self.socket_connect_timeout)
        wrapped: ssl.SSLSocket = super()._wrap_socket_with_ssl(sock)
        wrapped.settimeout(self.socket_timeout)
        return wrapped
