"""Very many pages of the gateway in one process: their sockets alone, watched by one epoll."""

from __future__ import annotations

import json
import select
import socket
import time
from collections.abc import Iterator, Sequence
from itertools import cycle

from crowd import PATIENCE, UPGRADE, WAVE, frame
from http_clients import post

JOB = '{"name": "notify", "data": {"receiverId": "ada", "text": "Hello from a benchmark"}}'


MAX_CREATORS = 16
"""Connections that create jobs in turn: on a single one, each job would wait for the response to the one before. Each
has to be used every other second, because the gateway closes those that idle."""


class Pages:
    """Socket.IO clients, one for each token, each of a user of its own, on the gateway on a port."""

    def __init__(self, port: int, tokens: Sequence[str]) -> None:
        self._tokens = tokens
        self._sockets: list[socket.socket] = []
        self._poll = select.epoll()
        self._sent: dict[int, float] = {}
        for at in range(0, len(tokens), WAVE):
            self._connect(port, self._tokens[at : at + WAVE])
        self._numbers = {each.fileno(): n for n, each in enumerate(self._sockets)}
        self._port = port
        self._creators: dict[int, socket.socket] = {}
        for each in self._sockets:
            self._poll.register(each, select.EPOLLIN)

    def _connect(self, port: int, tokens: Sequence[str]) -> None:
        wave = [socket.create_connection(("127.0.0.1", port), PATIENCE) for _ in tokens]
        for each in wave:
            each.sendall(UPGRADE)
        _until(wave, b"0{")
        for each, token in zip(wave, tokens, strict=True):
            each.sendall(frame("40" + json.dumps({"token": token})))
        _until(wave, b"40{")
        self._sockets += wave

    def watch(self, seconds: float, rate: int) -> Iterator[float]:
        """Create jobs at a rate, each of the next user. Yields how long each took to be heard of, in seconds."""
        self._connect_creators(max(1, min(MAX_CREATORS, 2 * rate)))
        began, total, created, heard = time.perf_counter(), int(seconds * rate), 0, 0
        while heard < total:
            now = time.perf_counter()
            assert now < began + seconds + PATIENCE, f"{total - heard} of {total} jobs were not heard of"
            if created < total and now >= began + created / rate:
                self._create(created % len(self._sockets))
                created += 1
            due = began + created / rate - time.perf_counter() if created < total else 1.0
            for fd, _ in self._poll.poll(max(0.0, due)):
                if fd in self._creators:
                    assert self._creators[fd].recv(1 << 16), "the gateway closed the connection of a creator"
                    continue
                said = self._sockets[self._numbers[fd]].recv(1 << 16)
                assert said, "the gateway closed a page"
                if said.endswith(b"\x012"):
                    self._sockets[self._numbers[fd]].sendall(frame("3"))
                if b"job:created" in said:
                    heard += 1
                    yield time.perf_counter() - self._sent.pop(self._numbers[fd])

    def _connect_creators(self, count: int) -> None:
        creators = [socket.create_connection(("127.0.0.1", self._port), PATIENCE) for _ in range(count)]
        self._creators = {each.fileno(): each for each in creators}
        self._turns = cycle(creators)
        for each in creators:
            self._poll.register(each, select.EPOLLIN)

    def _create(self, user: int) -> None:
        self._sent[user] = time.perf_counter()
        next(self._turns).sendall(post("/job/create", JOB, token=self._tokens[user]))

    def close(self) -> None:
        """Leave."""
        for each in (*self._sockets, *self._creators.values()):
            each.close()


def _until(wave: list[socket.socket], awaited: bytes) -> None:
    for each in wave:
        heard = b""
        while awaited not in heard:
            said = each.recv(4096)
            assert said, f"the gateway let a page not in: {heard!r}"
            heard += said
