"""Packets that are sent at once, and packets that wait."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from engineio.packet import PING, Packet

from qctl.compat.engineio_server import PacketQueue


class Written:
    """In the place of a Wire: what was written at once, while it is `open`."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.open = True

    def write(self, text: str) -> bool:
        """Write, where it is open."""
        if self.open:
            self.texts.append(text)
        return self.open


Scene = Callable[[PacketQueue, Written], Awaitable[Any]]


def play(scene: Scene) -> list[str]:
    """The bytes that were written at once when `scene` is over."""

    async def run() -> list[str]:
        box, wire = PacketQueue(), Written()
        box.websocket = wire  # type: ignore[assignment]
        await scene(box, wire)
        return wire.texts

    return asyncio.run(run())


async def asks(box: PacketQueue) -> asyncio.Task[Any]:
    """The library's writer, which has sent all and asks for more."""
    task = asyncio.create_task(box.get())
    await asyncio.sleep(0)
    return task


def test_a_message_is_written_at_once_where_all_was_sent() -> None:
    async def scene(box: PacketQueue, _: Written) -> None:
        writer = await asks(box)
        box.send("31[]")
        box.send("32[]")
        assert box.empty()
        writer.cancel()

    assert play(scene) == ["431[]", "432[]"]


async def _after_a_ping(box: PacketQueue, _: Written) -> Any:
    writer = await asks(box)
    box.put_nowait(Packet(PING))
    box.send("31[]")
    assert (await writer).packet_type == PING
    box.send("32[]")  # the writer has the ping still in hand
    return [box.get_nowait().encode() for _ in range(2)]


async def _before_anything_was_sent(box: PacketQueue, _: Written) -> Any:
    box.send("31[]")
    box.send("32[]")
    return [(await box.get()).encode(), (await box.get()).encode()]


async def _to_who_does_not_read(box: PacketQueue, wire: Written) -> Any:
    writer = await asks(box)
    wire.open = False
    box.send("31[]")
    wire.open = True
    box.send("32[]")
    return [(await writer).encode(), (await box.get()).encode()]


async def _without_a_web_socket(box: PacketQueue, _: Written) -> Any:
    box.websocket = None
    writer = await asks(box)
    box.send("31[]")
    box.send("32[]")
    return [(await writer).encode(), (await box.get()).encode()]


@pytest.mark.parametrize(
    "scene", [_after_a_ping, _before_anything_was_sent, _to_who_does_not_read, _without_a_web_socket]
)
def test_a_message_waits_for_those_before_it(scene: Scene) -> None:
    queued: list[str] = []

    async def collect(box: PacketQueue, wire: Written) -> None:
        queued.extend(await scene(box, wire))

    assert play(collect) == []
    assert queued == ["431[]", "432[]"]


def test_when_what_waited_was_sent_messages_are_written_at_once_again() -> None:
    async def scene(box: PacketQueue, wire: Written) -> None:
        await _after_a_ping(box, wire)
        writer = await asks(box)
        box.send("33[]")
        writer.cancel()

    assert play(scene) == ["433[]"]
