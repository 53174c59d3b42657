"""What came in over many connections goes into the buffer in groups, and is answered when it is there.

Entries wait in one line, in the order they came. A group is cut from its head when a window is full or the first has
waited LINGER seconds, appended in one transaction by a thread of its own, and answered in the same order.

While Redis is away or full nothing is answered `ok`. Who asked for an answer hears `busy` at once, and should send
again. What came is kept all the same, as long as there is room, and committed when Redis is back: who asks for no
answer will not send it again, nor will a client whose library takes any answer for a success. Sent twice it shows once,
by its msg_id.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any

from qctl.broker.ingest.buffer import Buffer, Commit, Reject
from qctl.broker.redis.connection import Backoff, translate_errors
from qctl.errors import BackpressureError, QctlError, RedisUnreachableError, SinkError
from qctl.settings import Settings
from qctl.sources.queueless import Direct

log = logging.getLogger(__name__)

WINDOW = 1000
"""Entries of one commit at most: some 5 ms of Redis."""

LINGER = 0.01
"""Seconds that a group is gathered for."""

MAX_WAITING = 20_000
"""Entries that may wait. Whoever brings more is read later."""

MAX_BYTES = 64 * 1024**2
"""Bytes of entries that may wait, likewise."""

MAX_REJECTS = 100
"""Of them rejects, each of which is ten commands for Redis."""

LOOK = 1.0
"""Seconds between two looks at how full things are."""

Answer = Callable[[dict[str, Any]], None]
"""Sends the answer to an entry; called in the event loop, it must not wait."""


class Entry:
    """A message on its way: an item of the buffer, or a reject. `size` is in bytes. `answer` is None where nobody
    asked for one; `done` is what it sends once the message is committed."""

    __slots__ = ("answer", "done", "message", "size")

    def __init__(self, message: bytes | Reject, size: int, done: dict[str, Any], answer: Answer | None) -> None:
        self.message = message
        self.size = size
        self.done = done
        self.answer = answer


class Line:
    """Entries that wait, with their bytes."""

    def __init__(self) -> None:
        self.entries: deque[Entry] = deque()
        self.bytes = 0

    @property
    def full(self) -> bool:
        """Whether nothing more may be added."""
        return len(self.entries) >= MAX_WAITING or self.bytes >= MAX_BYTES

    def add(self, entry: Entry) -> None:
        """Add one at the end."""
        self.entries.append(entry)
        self.bytes += entry.size

    def head(self) -> list[Entry]:
        """The next group, which stays where it is."""
        group: list[Entry] = []
        rejects = 0
        for entry in islice(self.entries, WINDOW):
            rejects += type(entry.message) is Reject
            if rejects > MAX_REJECTS:
                break
            group.append(entry)
        return group

    def drop(self, group: Sequence[Entry]) -> None:
        """The group at the head is done."""
        for entry in group:
            self.entries.popleft()
            self.bytes -= entry.size


class GroupCommit:
    """The line of one pipeline. All but the commits happens in the event loop that runs `serve`."""

    def __init__(self, settings: Settings, buffer: Buffer | Direct, on_full_batch: Callable[[], None]) -> None:
        self._settings = settings
        self._buffer = buffer
        self._on_full_batch = on_full_batch
        self._line = Line()
        self._thread = ThreadPoolExecutor(1, "commit")
        self._arrived = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self.busy: str | None = "it has just begun"
        """Why nothing is acknowledged, None while it is. It names no server: clients see it."""
        self.on_busy: list[Callable[[], None]] = []
        """Called whenever it becomes busy."""
        self.committed = self.rejected = 0
        self._taken = self._dropped = 0

    @property
    def waiting(self) -> int:
        """Entries that wait."""
        return len(self._line.entries)

    async def room(self) -> None:
        """Wait until more may be put into the line."""
        await self._room.wait()

    @property
    def has_room(self) -> bool:
        """Whether `room` would return at once."""
        return self._room.is_set()

    def put(self, entry: Entry) -> None:
        """Take an entry. It is answered when it is committed; while nothing can be, `busy` at once."""
        if self.busy is not None and entry.answer is not None:
            _answer_busy(entry)
            if self._line.full:
                return
        self._line.add(entry)
        self._taken += 1
        if self._line.full:
            self._room.clear()
        self._arrived.set()

    async def serve(self) -> None:
        """Commit what comes, until cancelled. Raises what is a defect."""
        looking = asyncio.create_task(self._look())
        committing = asyncio.create_task(self._commit_all())
        try:
            await asyncio.gather(looking, committing)
        finally:
            looking.cancel()
            committing.cancel()

    async def caught_up(self, seconds: float) -> bool:
        """Wait until what waits now has been committed. False where it has not after so many seconds."""
        last, deadline = self._taken, time.monotonic() + seconds
        while self._dropped < last and time.monotonic() < deadline:
            await asyncio.sleep(LINGER)
        return self._dropped >= last

    def close(self) -> None:
        """Let go of the thread."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    # --- committing ---------------------------------------------------------------------------------------

    async def _commit_all(self) -> None:
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            if self.waiting < WINDOW:
                await asyncio.sleep(LINGER)
            while self.waiting and self.busy is None:
                await self._commit(self._line.head())
                if 0 < self.waiting < WINDOW:
                    self._arrived.set()
                    break

    async def _commit(self, group: list[Entry]) -> None:
        """Append a group and answer it. Where that fails it stays in the line, for nobody knows whether it was done."""
        messages = [entry.message for entry in group]
        items = [message for message in messages if isinstance(message, bytes)]
        rejects = [message for message in messages if isinstance(message, Reject)]
        try:
            depth = await self._in_thread(lambda: self._buffer.append(Commit(items, rejects)))
        except QctlError as error:
            self._become_busy(error)
            return
        log.debug("%d items and %d rejects are committed; the buffer holds %d", len(items), len(rejects), depth)
        self._line.drop(group)
        self._dropped += len(group)
        if not self._line.full:
            self._room.set()
        self.committed += len(items)
        self.rejected += len(rejects)
        for entry in group:
            if entry.answer is not None:
                entry.answer(entry.done)
        if depth >= self._settings.batch_size:
            self._on_full_batch()

    def _become_busy(self, error: QctlError) -> None:
        if self.busy is None:
            log.warning("nothing is acknowledged: %s", error.message)
        self.busy = _in_public(error)
        for entry in self._line.entries:
            _answer_busy(entry)
        for callback in self.on_busy:
            callback()

    # --- watching -----------------------------------------------------------------------------------------

    async def _look(self) -> None:
        """See now and then whether there is room, and whether Redis is back."""
        backoff = Backoff(max_seconds=5.0)
        while True:
            delay = LOOK
            try:
                level = await self._in_thread(self._buffer.level)
                if full := self._buffer.backpressure_reason(level):
                    raise BackpressureError(full)
                backoff.reset()
                self._become_ready()
            except QctlError as error:
                self._become_busy(error)
                delay = backoff.next_delay()
            await asyncio.sleep(delay)

    def _become_ready(self) -> None:
        if self.busy is not None:
            log.info("messages are acknowledged (%d are in hand)", self.waiting)
        self.busy = None
        self._arrived.set()

    async def _in_thread(self, act: Callable[[], Any]) -> Any:
        """Do something with Redis beside the event loop. Raises QctlError."""

        def translate() -> Any:
            with translate_errors(self._settings):
                return act()

        return await asyncio.get_running_loop().run_in_executor(self._thread, translate)


def _answer_busy(entry: Entry) -> None:
    if entry.answer is not None:
        answer, entry.answer = entry.answer, None
        answer({"ok": False, "code": "busy", "msg_id": entry.done.get("msg_id")})


def _in_public(error: QctlError) -> str:
    if isinstance(error, BackpressureError):
        return "there is no room"
    if isinstance(error, SinkError):
        return "the database takes nothing"
    return "Redis is away" if isinstance(error, RedisUnreachableError) else "Redis refuses to write"
