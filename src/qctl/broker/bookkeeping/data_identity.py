"""The identity and age of the data in Redis, used to detect data loss.

The scheduler increments a mark every two seconds. Every daemon remembers the identity (`epoch`) and the count that it
saw last: data with another identity, or with none, is new or another server's, and a lower count is an older copy, as
after a restored backup or a failover to a replica that was behind. The mark also keeps the run id of the server, which
tells whether the same process of Redis lost the data (FLUSHALL), or another one runs now (a restart, a failover).
"""

from __future__ import annotations

import logging
import secrets
import time

from redis import Redis
from redis.exceptions import ResponseError

from qctl.broker.bookkeeping import events
from qctl.broker.redis import keys, replies, untrusted_fields
from qctl.broker.redis.connection import describe
from qctl.broker.redis.scripts import Script

log = logging.getLogger(__name__)

MARK_SECONDS = 2.0
"""Time (s) between two marks, and between two comparisons."""

BLIND_SECONDS = 10.0
"""Time (s) until the next comparison if this user may not compare, or the key is no hash. Rights may come back."""

SAME_LOSS_SECONDS = 60.0
"""Time (s) within which losses that several daemons detect count as one."""

NEW_DATA_MARKS = 30
"""Maximum marks of data with another identity that counts as new: one minute."""

_mark_data = Script("bookkeeping/mark_data", after="redis/types")
_record_loss = Script("bookkeeping/record_loss", after="redis/types")


class DataWatch:
    """Compares the data with what this process saw last. `writes` makes it increment the mark, as the scheduler
    does."""

    def __init__(self, connection: Redis, name: str, *, writes: bool = False) -> None:
        self._redis = connection
        self._name = name
        self._writes = writes
        self._epoch: str | None = None
        self._count = 0
        self._run = ""
        self._seen_at = 0.0
        self._due = 0.0
        self._is_blind = False

    def check_if_due(self) -> str | None:
        """Compare if the last comparison is long enough ago. Returns a description of the loss, None if there is none.

        A loss is logged, and recorded for `qctl health`. Raises redis-py's exceptions.
        """
        if time.monotonic() < self._due:
            return None
        self._due = time.monotonic() + MARK_SECONDS
        try:
            loss = self._check()
        except ResponseError as error:
            if not (replies.is_forbidden(error) or replies.is_wrong_type(error)):
                raise
            if not self._is_blind:
                log.warning("a loss of data would not be noticed: %s; trying again", describe(error))
            self._is_blind = True
            self._due = time.monotonic() + BLIND_SECONDS
            return None
        if self._is_blind:
            log.info("a loss of data is noticed again")
        self._is_blind = False
        return loss

    def _check(self) -> str | None:
        epoch, count, age_ms, run = self._mark() if self._writes else self._read()
        loss = self._compare(epoch, count, age_ms)
        if loss and run and self._run:
            loss += "; the same process of Redis runs" if run == self._run else "; another process of Redis runs now"
        if epoch is None and loss is None:
            return None
        self._epoch, self._count, self._run, self._seen_at = epoch, count, run, time.monotonic()
        if loss:
            log.error("%s", loss)
            _record_loss(
                self._redis,
                identity=keys.IDENTITY,
                events=keys.EVENTS,
                loss=loss,
                same_ms=round(SAME_LOSS_SECONDS * 1000),
                actor=self._name,
                max_events=events.MAX_ENTRIES,
            )
        return loss

    def _mark(self) -> tuple[str | None, int, int, str]:
        reply = _mark_data(self._redis, identity=keys.IDENTITY, new_epoch=secrets.token_hex(8))
        epoch, count, age_ms, run = replies.array(reply)
        identity = untrusted_fields.decode(replies.optional_bytes(epoch))
        return identity, replies.integer(count), replies.integer(age_ms), replies.word(run)

    def _read(self) -> tuple[str | None, int, int, str]:
        epoch, count, run = replies.field_values(self._redis.hmget(keys.IDENTITY, "epoch", "count", "run"), 3)
        identity = untrusted_fields.decode(epoch) or None
        return identity, untrusted_fields.parse_count(count) or 0, 0, untrusted_fields.decode(run)

    def _compare(self, epoch: str | None, count: int, age_ms: int) -> str | None:
        if self._epoch is None:
            return None
        ago = f"{time.monotonic() - self._seen_at:.0f} s ago"
        if epoch is None or (epoch != self._epoch and count <= NEW_DATA_MARKS):
            return f"Redis has lost its data: it holds none of what it held {ago}"
        if epoch != self._epoch:
            return f"Redis holds other data than it held {ago}: it is another server, or another backup"
        if count < self._count:
            seconds = max(age_ms / 1000, (self._count - count) * MARK_SECONDS)
            return f"Redis holds an older copy of its data: about the last {seconds:.0f} s are lost"
        return None
