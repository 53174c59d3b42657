"""Distinguishes repeated messages from new ones, so that a reading without a timestamp is stored once.

When a connection breaks, the broker sends unacknowledged messages again, flagged DUP and with the same packet id. Such
a message may be committed already, if the bridge was killed between commit and acknowledgement or the acknowledgement
was lost. So each commit writes, in its transaction, a note of every message: packet id, digest of topic and payload,
time of receipt. A DUP message with a note was committed; it is acknowledged and not appended again.

Losing a message is worse than storing it twice, so a note has to prove that it means this message and not an earlier
one with the same packet id and content:

- Only the last W notes count, where W is half of all packet ids. That suffices for a broker with at most W
  unacknowledged messages, the newest ones, because acknowledgements go out in order. (A broker should have no more than
  the receive maximum; mosquitto 2.0.11 sends that many more for each acknowledgement.)
- If a broker uses the ids in sequence, 65,534 others lie between a committed message and an uncommitted one with the
  same id. They were committed, or were sent again before it, so the first one's note does not count.
- A broker may reuse ids sooner (HiveMQ takes the lowest free one). Then a new message that never arrived here could
  come flagged DUP after a broken connection, under the id of a committed one. Such a broker is recognised by an id that
  occurs twice in the last 2 W notes; as long as one does, no message counts as a duplicate.
- Notes are void in another session of the same client, because its packet ids start again
  (`broker/ingest/mqtt_session.py` keeps count). If a connect ended before it was known whether the session continued,
  the next connect determines it: a broker sends unacknowledged messages again at once, and in a new session nobody has
  subscribed, so nothing arrives before the bridge does. If nothing arrives, earlier notes serve that connection only:
  a new session has sent nothing before, so it flags nothing DUP. Messages that they identify are noted again
  (`inherited`).

Remaining cases. Readings without a timestamp are stored twice if a broker reuses ids at once; if the bridge is killed
twice, the second time within the milliseconds in which it connects, then waits a second for the first repeated message
and loses that connection before all were sent; or if a broker flags a repeated message as new. They are lost if a
broker reuses ids at once, the connection breaks over the first ids that it ever reused in a session, and their content
equals the earlier messages' to the byte. QoS 0 messages have no packet id and are never sent again.
"""

from __future__ import annotations

import hashlib
import logging
from collections import deque
from collections.abc import Iterable

log = logging.getLogger(__name__)

WINDOW_MESSAGES = 32_767
"""W. There are 65,535 packet ids, so ids that are used in sequence occur once in 2 W notes."""

MAX_NOTES = 3 * WINDOW_MESSAGES
"""Notes that Redis stores: 2 W, and some that were written twice."""


def digest(topic: str, payload: bytes) -> str:
    """A digest of a message's content, in 16 characters."""
    content = topic.encode(errors="surrogateescape") + b"\0" + payload
    return hashlib.blake2b(content, digest_size=8).hexdigest()


class CommittedWindow:
    """The last `size` messages committed in a session, by packet id.

    `notes` are those of earlier processes, oldest first. A note that occurs twice was written twice, not seen twice.
    """

    def __init__(self, size: int, notes: Iterable[str] = (), *, inherited: bool = False) -> None:
        self.inherited = inherited
        """True if the notes may be of an earlier session, so that messages they identify have to be noted again."""
        self._size = size
        self._order: deque[int] = deque()
        self._last: dict[int, tuple[str, int]] = {}
        self._added = 0
        self._warned = False
        for written in list(dict.fromkeys(notes))[-2 * size :]:
            mid, _, rest = written.partition(":")
            self.add(int(mid), rest.partition(":")[0])

    def add(self, mid: int, content: str) -> None:
        """Record that a message with this packet id and digest was committed."""
        if len(self._order) == 2 * self._size:
            self._evict_oldest()
        if mid in self._last and not self._warned:
            log.warning(
                "the broker reuses packet ids at once: a reading without a timestamp that is sent again may be stored "
                "twice"
            )
            self._warned = True
        self._added += 1
        self._order.append(mid)
        self._last[mid] = content, self._added

    def has(self, mid: int, content: str) -> bool:
        """True if a DUP message with this packet id and digest was committed, for certain."""
        known, number = self._last.get(mid, ("", 0))
        ids_are_unique = len(self._last) == len(self._order)
        return ids_are_unique and known == content and number > self._added - self._size

    def _evict_oldest(self) -> None:
        mid = self._order.popleft()
        if self._last[mid][1] == self._added - len(self._order):
            del self._last[mid]


def note(mid: int, content: str, received_ns: int) -> str:
    """The note of a committed message. The time of receipt makes it different from that of any other message."""
    return f"{mid}:{content}:{received_ns}"
