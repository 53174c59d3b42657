"""A TCP proxy before Redis that loses replies: the command was done, and whoever sent it cannot know."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from types import TracebackType


class LossyProxy:
    """Forwards to `port` of 127.0.0.1. While `losing` is above zero, each reply is lost and its connection cut."""

    def __init__(self, port: int) -> None:
        self._target = ("127.0.0.1", port)
        self._server = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = [self._server]
        self._losing = 0
        self.lost = 0

    @property
    def url(self) -> str:
        """The URL of a Redis behind it."""
        return f"redis://127.0.0.1:{self._server.getsockname()[1]}/0"

    def lose(self, count: int) -> None:
        """Lose the next `count` replies."""
        self._losing = count

    def __enter__(self) -> LossyProxy:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for each in self._open:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._server.accept()
                server = socket.create_connection(self._target)
                self._open += [client, server]
                threading.Thread(target=self._pump, args=(client, server, False), daemon=True).start()
                threading.Thread(target=self._pump, args=(server, client, True), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, replies: bool) -> None:
        with suppress(OSError):
            while data := source.recv(65_536):
                if replies and self._losing > 0:
                    self._losing -= 1
                    self.lost += 1
                    break
                sink.sendall(data)
        for each in (source, sink):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
