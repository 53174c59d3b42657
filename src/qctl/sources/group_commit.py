"""Group commit: entries of many connections go into the buffer in groups, and are acknowledged once stored.

Entries wait in one queue, in the order they came. A group is taken from its head when a full group waits or the first
entry has waited LINGER_SECONDS, appended in one transaction by a separate thread, and acknowledged in the same order.

While Redis is away or full no entry is acknowledged as `ok`. A client that wants an acknowledgement gets `busy` at once
and should send again. Its entry is still kept while there is room, and committed when Redis is back: clients that want
no acknowledgement will not send again, nor will those whose library takes any acknowledgement for a success. A message
that is sent again while its first copy waits, or soon after it was committed, is acknowledged and not appended again
(`recent_messages.py`).
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

from qctl.broker.bookkeeping.reject_records import Reject
from qctl.broker.ingest.buffer import Buffer, Commit
from qctl.broker.redis.connection import Backoff, translate_errors
from qctl.broker.redis.outage import Outage
from qctl.errors import BackpressureError, NotReplicatedError, QctlError, RedisUnreachableError, SinkError
from qctl.settings import Settings
from qctl.sources.direct_writer import DirectWriter
from qctl.sources.recent_messages import Known, RecentMessages

log = logging.getLogger(__name__)

GROUP_ENTRIES = 1000
"""Maximum entries of one commit: it keeps Redis busy for about 5 ms."""

LINGER_SECONDS = 0.01
"""Time for which a group is collected."""

MAX_WAITING_ENTRIES = 20_000
"""Entries that may wait. Above this, nothing more is read from clients."""

MAX_WAITING_BYTES = 64 * 1024**2
"""Bytes of entries that may wait. Above this, nothing more is read from clients."""

MAX_COPIES = 1000
"""Copies of one message that may wait for its commit. Further ones get `busy`."""

MAX_GROUP_REJECTS = 100
"""Maximum rejects of one commit, because each takes ten Redis commands."""

LEVEL_CHECK_SECONDS = 1.0
"""Pause between two checks how full the buffer and Redis are."""

Acknowledge = Callable[[dict[str, Any]], None]
"""Sends the acknowledgement of an entry. Runs in the event loop and does not wait."""


class Entry:
    """A message on its way: an item of the buffer, or a reject. `size` is in bytes. `acknowledge` is None if the client
    wants no acknowledgement; `done` is the acknowledgement once the message is committed. `identity` is equal for
    copies of one message, None if copies are not recognised."""

    __slots__ = ("acknowledge", "copies", "done", "identity", "message", "size")

    def __init__(
        self,
        message: bytes | Reject,
        size: int,
        done: dict[str, Any],
        acknowledge: Acknowledge | None,
        identity: int | None = None,
    ) -> None:
        self.message = message
        self.size = size
        self.done = done
        self.acknowledge = acknowledge
        self.identity = identity
        self.copies: list[Acknowledge] | None = None

    def join(self, copy: Entry) -> bool:
        """Acknowledge a copy of this message together with it. False if too many copies wait already."""
        if copy.acknowledge is not None:
            self.copies = self.copies or []
            if len(self.copies) >= MAX_COPIES:
                return False
            self.copies.append(copy.acknowledge)
        return True

    def acknowledge_all(self, answer: dict[str, Any]) -> None:
        """Send the acknowledgement of the message and of its copies."""
        if self.acknowledge is not None:
            self.acknowledge(answer)
        for acknowledge in self.copies or ():
            acknowledge(answer)


class EntryQueue:
    """Entries that wait, and their total size."""

    def __init__(self) -> None:
        self.entries: deque[Entry] = deque()
        self.bytes = 0

    @property
    def full(self) -> bool:
        """True if no more entries may be added."""
        return len(self.entries) >= MAX_WAITING_ENTRIES or self.bytes >= MAX_WAITING_BYTES

    def add(self, entry: Entry) -> None:
        """Add one at the end."""
        self.entries.append(entry)
        self.bytes += entry.size

    def head(self) -> list[Entry]:
        """The next group, which stays in the queue."""
        group: list[Entry] = []
        rejects = 0
        for entry in islice(self.entries, GROUP_ENTRIES):
            rejects += type(entry.message) is Reject
            if rejects > MAX_GROUP_REJECTS:
                break
            group.append(entry)
        return group

    def remove(self, group: Sequence[Entry]) -> None:
        """Remove the group at the head."""
        for entry in group:
            self.entries.popleft()
            self.bytes -= entry.size


class GroupCommit:
    """The entries of one pipeline. All but the commits happens in the event loop that runs `serve`."""

    def __init__(self, settings: Settings, buffer: Buffer | DirectWriter, on_full_batch: Callable[[], None]) -> None:
        self._settings = settings
        self._buffer = buffer
        self._on_full_batch = on_full_batch
        self._queue = EntryQueue()
        self._recent: RecentMessages[Entry] = RecentMessages()
        self._thread = ThreadPoolExecutor(1, "commit")
        self._pending: tuple[list[Entry], Commit] | None = None
        self._arrived = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self.busy: str | None = "the process has just started"
        """The reason that no entry is acknowledged, None if entries are. Names no server, because clients see it."""
        self.checked = False
        """True once the buffer has been read, or the attempt has failed."""
        self._may_try = False
        self._is_unsure = False  # whether Redis may have lost what was committed
        self._outage = Outage(log, "no messages are acknowledged")
        self.on_busy: list[Callable[[], None]] = []
        """Called whenever it becomes busy."""
        self.committed = self.rejected = self.repeated = 0
        self._added = self._removed = 0

    @property
    def waiting(self) -> int:
        """Entries that wait."""
        return len(self._queue.entries)

    async def room(self) -> None:
        """Wait until more entries may be added."""
        await self._room.wait()

    @property
    def has_room(self) -> bool:
        """True if more entries may be added now."""
        return self._room.is_set()

    def put(self, entry: Entry) -> None:
        """Add an entry. It is acknowledged when it is committed; while nothing can be, with `busy` at once."""
        earlier = self._recent.state(entry.identity)
        if earlier is Known.COMMITTED and not (self._is_unsure and entry.acknowledge is None):
            self.repeated += 1
            if self._is_unsure:
                _acknowledge_busy(entry)
            elif entry.acknowledge is not None:
                entry.acknowledge(entry.done)
            return
        if self.busy is not None and entry.acknowledge is not None:
            _acknowledge_busy(entry)
            if self._queue.full:
                return
        if isinstance(earlier, Entry):
            self.repeated += 1
            if not earlier.join(entry):
                _acknowledge_busy(entry)
            return
        self._recent.add(entry.identity, entry)
        self._queue.add(entry)
        self._added += 1
        if self._queue.full:
            self._room.clear()
        self._arrived.set()

    async def serve(self) -> None:
        """Commit entries until cancelled. An unexpected error ends it."""
        watching = asyncio.create_task(self._watch_level())
        committing = asyncio.create_task(self._commit_all())
        try:
            await asyncio.gather(watching, committing)
        finally:
            watching.cancel()
            committing.cancel()

    async def caught_up(self, seconds: float) -> bool:
        """Wait until the entries that wait now are committed. False if they are not within this time."""
        last, deadline = self._added, time.monotonic() + seconds
        while self._removed < last and time.monotonic() < deadline:
            await asyncio.sleep(LINGER_SECONDS)
        return self._removed >= last

    def close(self) -> None:
        """Release the thread."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    # --- committing ---------------------------------------------------------------------------------------

    async def _commit_all(self) -> None:
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            if self.waiting < GROUP_ENTRIES:
                await asyncio.sleep(LINGER_SECONDS)
            while self.waiting and (self.busy is None or self._may_try):
                self._may_try = False
                await self._commit_head()
                if 0 < self.waiting < GROUP_ENTRIES:
                    self._arrived.set()
                    break

    async def _commit_head(self) -> None:
        """Append the group at the head and acknowledge it.

        After an error it may or may not be stored. It stays pending, without those that come later, because the buffer
        recognises the same commit only.
        """
        group, commit = self._pending or _with_commit(self._queue.head())
        self._pending = group, commit
        try:
            depth = await self._in_thread(lambda: self._buffer.append(commit))
        except QctlError as error:
            self._become_busy(error)
            return
        items, rejects = commit.items, commit.rejects
        log.debug("group committed: items=%d rejects=%d buffer_depth=%d", len(items), len(rejects), depth)
        self._pending = None
        self._queue.remove(group)
        self._become_ready()
        self._removed += len(group)
        if not self._queue.full:
            self._room.set()
        self.committed += len(items)
        self.rejected += len(rejects)
        for entry in group:
            self._recent.commit(entry.identity)
            entry.acknowledge_all(entry.done)
        if depth >= self._settings.batch_size:
            self._on_full_batch()

    def _become_busy(self, error: QctlError) -> None:
        self._outage.add(error.message)
        self.busy = _public_reason(error)
        self._is_unsure = True
        for entry in self._queue.entries:
            _acknowledge_busy(entry)
        for callback in self.on_busy:
            callback()

    # --- watching -----------------------------------------------------------------------------------------

    async def _watch_level(self) -> None:
        """Check periodically whether there is room, and whether Redis is back."""
        backoff = Backoff(max_seconds=5.0)
        while True:
            delay = LEVEL_CHECK_SECONDS
            try:
                level = await self._in_thread(self._buffer.level)
                if full := self._buffer.backpressure_reason(level):
                    raise BackpressureError(full)
                if self._is_unsure:
                    await self._verify_commits()
                backoff.reset()
                self._try_again()
            except QctlError as error:
                self._become_busy(error)
                delay = backoff.next_delay()
            self.checked = True
            await asyncio.sleep(delay)

    async def _verify_commits(self) -> None:
        """Forget which messages were committed if Redis came back without them: their copies are stored then."""
        if not await self._in_thread(self._buffer.has_commits):
            self._recent.drop_committed()
        self._is_unsure = False

    def _try_again(self) -> None:
        """Commit a group of those that wait. If none waits, later entries are acknowledged.

        That Redis can be read does not mean that it takes writes.
        """
        self._may_try = True
        if self.busy is not None and not self.waiting:
            self._become_ready()
        self._arrived.set()

    def _become_ready(self) -> None:
        self._outage.end()
        self.busy = None

    async def _in_thread(self, action: Callable[[], Any]) -> Any:
        """Call a function that uses Redis outside the event loop. Raises QctlError."""

        def translate() -> Any:
            with translate_errors(self._settings):
                return action()

        return await asyncio.get_running_loop().run_in_executor(self._thread, translate)


def _with_commit(group: list[Entry]) -> tuple[list[Entry], Commit]:
    messages = [entry.message for entry in group]
    items = [message for message in messages if isinstance(message, bytes)]
    return group, Commit(items, [message for message in messages if isinstance(message, Reject)])


def _acknowledge_busy(entry: Entry) -> None:
    entry.acknowledge_all({"ok": False, "code": "busy", "msg_id": entry.done.get("msg_id")})
    entry.acknowledge = entry.copies = None


def _public_reason(error: QctlError) -> str:
    """The reason without the name of a server."""
    if isinstance(error, NotReplicatedError):
        return "too few replicas have it"
    if isinstance(error, BackpressureError):
        return "the buffer is full"
    if isinstance(error, SinkError):
        return "the database is unavailable"
    return "Redis is unreachable" if isinstance(error, RedisUnreachableError) else "Redis refuses to write"
