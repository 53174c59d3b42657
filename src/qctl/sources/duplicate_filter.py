"""Telling a message that was sent again from one that is new, so that a reading without a time of its own shows once.

A broker sends again, flagged DUP and with the same packet id, what it had no acknowledgement for when the connection
broke. Such a message may be committed already: we were killed between the commit and the acknowledgement, or the
acknowledgement was lost. Of each committed message a note is kept, in the transaction that commits it: packet id,
digest of topic and payload, time of receipt. A DUP message with a note was committed; it is acknowledged and not
appended again.

Never losing beats never doubling, so a note has to prove that it means this message and not an earlier one that had
the same packet id and says the same:

- Only the last W notes count, W being half of all packet ids. That is enough for a broker that has no more than W
  messages unacknowledged, the newest ones, as we acknowledge in order. (It should have no more than the receive
  maximum; mosquitto 2.0.11 sends that many more for each acknowledgement.)
- Where a broker goes through the ids in turn, 65,534 others lie between a committed message and an uncommitted one with
  the same id. They are committed, or sent again before it, so the note of the former does not count any more.
- A broker may give ids again earlier (HiveMQ gives the lowest free one). Then a new message that we never saw could
  come flagged DUP after a broken connection, under the id of one that we committed. Such a broker shows itself by an
  id that stands twice among the last 2 W notes; as long as one does, no message is taken for a duplicate.
- Notes are void in another session of the same client: its packet ids begin anew. `broker/ingest/mqtt_session.py` keeps
  count. Where a connect ended before it was known whether the session went on, the next one tells: a broker sends again
  at once what is unacknowledged, and in a session that is new nobody has subscribed, so nothing comes before we do.
  Where nothing comes, notes from before serve that connection only: in a session that is new nothing was sent before
  that, so nothing is DUP in it. What they identify is noted again (`inherited`).

What is left. Readings without a time double where a broker gives ids again at once; where the bridge is killed twice,
the second time within the milliseconds in which it connects, then waits a second for the first that is sent again, and
loses that connection before everything was; or where a broker flags as new what it sent before. They are lost where a
broker gives ids again at once, the connection breaks over the first ones that it ever gave again in a session, and they
say to the byte what those before them said. QoS 0 messages have no packet id; they are never sent again.
"""

from __future__ import annotations

import hashlib
import logging
from collections import deque
from collections.abc import Iterable

log = logging.getLogger(__name__)

WINDOW = 32_767
"""W: there are 65,535 packet ids, so that those that come round in turn stand once among 2 W notes."""

KEPT = 3 * WINDOW
"""Notes that are kept: 2 W, and those that are there twice because they were written twice."""


def digest(topic: str, payload: bytes) -> str:
    """What a message says, in 16 characters."""
    said = topic.encode(errors="surrogateescape") + b"\0" + payload
    return hashlib.blake2b(said, digest_size=8).hexdigest()


class Window:
    """The last `size` messages committed in a session, by packet id.

    `notes` are those of earlier processes, oldest first; one that is there twice was written twice, not seen twice.
    """

    def __init__(self, size: int, notes: Iterable[str] = (), *, inherited: bool = False) -> None:
        self.inherited = inherited
        """The notes may be of an earlier session; what they identify has to be noted again."""
        self._size = size
        self._order: deque[int] = deque()
        self._last: dict[int, tuple[str, int]] = {}
        self._added = 0
        self._warned = False
        for written in list(dict.fromkeys(notes))[-2 * size :]:
            mid, _, rest = written.partition(":")
            self.add(int(mid), rest.partition(":")[0])

    def add(self, mid: int, said: str) -> None:
        """A message with this packet id and digest was committed."""
        if len(self._order) == 2 * self._size:
            self._forget_oldest()
        if mid in self._last and not self._warned:
            log.warning(
                "the broker gives packet ids again at once: a reading without a time that is sent again may show twice"
            )
            self._warned = True
        self._added += 1
        self._order.append(mid)
        self._last[mid] = said, self._added

    def has(self, mid: int, said: str) -> bool:
        """Whether a DUP message with this packet id and digest was committed, for certain."""
        known, number = self._last.get(mid, ("", 0))
        each_once = len(self._last) == len(self._order)
        return each_once and known == said and number > self._added - self._size

    def _forget_oldest(self) -> None:
        mid = self._order.popleft()
        if self._last[mid][1] == self._added - len(self._order):
            del self._last[mid]


def note(mid: int, said: str, received_ns: int) -> str:
    """The note of a committed message. The time makes it unlike that of any other message."""
    return f"{mid}:{said}:{received_ns}"
