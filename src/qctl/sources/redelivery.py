"""Telling a message that was sent again from one that is new, so that a reading without a time of its own shows once.

A broker sends again, flagged DUP and with the same packet id, what it had no acknowledgement for when the connection
broke. Such a message may be committed already: we were killed between the commit and the acknowledgement, or the
acknowledgement was lost. Of each committed message a note is kept, in the transaction that commits it: packet id,
digest of topic and payload, time of receipt. A DUP message with a note was committed; it is acknowledged and not
appended again.

Never losing beats never doubling, so a note has to prove that it means this message and not an earlier one that had
the same packet id and says the same:

- The last W notes are looked at, W being the receive maximum. They are enough: no more than W messages are
  unacknowledged, the newest ones, as we acknowledge in order. They are not too many: a broker that goes through the
  65,535 ids in turn gives an id again only after 65,535 - W others were acknowledged, thus noted; with W no more than
  half of that, the old note is forgotten by then. Hence MAX_WINDOW.
- A broker that gives ids again at once could send a new message that we never saw, under the id of one that we
  committed, flagged DUP after a broken connection. It is recognised by an id that stands in the window twice. As long
  as one does, no message is taken for a duplicate.
- Notes are void in another session of the same client: its packet ids begin anew. `broker/mqtt_session.py` keeps
  count. Where a process was killed before it learned whether the session went on, notes from before serve the next
  connection only: in a session that is new nothing was sent before that, so nothing is DUP in it. What they identify
  is noted again (`inherited`).

What is left: readings without a time double where a broker gives ids again at once; where the bridge is killed twice,
the second time within the milliseconds in which it connects, and then loses that connection before everything was
sent again; or where a broker forgets that it sent something, flagging it as new. A reading could be lost only to the
first message that ever reuses an id at once, if the connection breaks over it and it says exactly what the one before
said. QoS 0 messages have no packet id; they are never sent again.
"""

from __future__ import annotations

import hashlib
import logging
from collections import deque
from collections.abc import Iterable

log = logging.getLogger(__name__)

MAX_WINDOW = 32_767
"""Largest window in which an id that comes round in turn cannot stand twice."""


def digest(topic: str, payload: bytes) -> str:
    """What a message says, in 16 characters."""
    said = topic.encode(errors="surrogateescape") + b"\0" + payload
    return hashlib.blake2b(said, digest_size=8).hexdigest()


class Window:
    """The last messages committed in a session, by packet id.

    `notes` are those of earlier processes, oldest first; one that is there twice was written twice, not seen twice.
    """

    def __init__(self, size: int, notes: Iterable[str] = (), *, inherited: bool = False) -> None:
        self.inherited = inherited
        """The notes may be of an earlier session; what they identify has to be noted again."""
        self._order: deque[int] = deque()
        self._size = size
        self._seen: dict[int, tuple[str, int]] = {}
        self._repeats = 0
        self._warned = False
        for note in list(dict.fromkeys(notes))[-size:]:
            mid, _, rest = note.partition(":")
            self.add(int(mid), rest.partition(":")[0])

    def add(self, mid: int, said: str) -> None:
        """A message with this packet id and digest was committed."""
        if len(self._order) == self._size:
            self._forget(self._order.popleft())
        self._order.append(mid)
        _, times = self._seen.get(mid, ("", 0))
        self._seen[mid] = said, times + 1
        if times:
            self._repeats += 1
            self._warn()

    def has(self, mid: int, said: str) -> bool:
        """Whether a DUP message with this packet id and digest was committed, for certain."""
        return self._repeats == 0 and self._seen.get(mid, ("", 0))[0] == said

    def _forget(self, mid: int) -> None:
        said, times = self._seen.pop(mid)
        if times > 1:
            self._seen[mid] = said, times - 1
            self._repeats -= 1

    def _warn(self) -> None:
        if not self._warned:
            log.warning(
                "the broker gives packet ids again at once: a reading without a time that is sent again may show twice"
            )
        self._warned = True


def note(mid: int, said: str, received_ns: int) -> str:
    """The note of a committed message. The time makes it unlike that of any other message."""
    return f"{mid}:{said}:{received_ns}"
