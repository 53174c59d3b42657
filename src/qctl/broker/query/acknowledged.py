"""Reads which causes of dead letters operators acknowledged, and which of these have grown since. Writes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from redis import Redis

from qctl.broker.bookkeeping import notes
from qctl.broker.redis import keys, replies


@dataclass(frozen=True)
class Acknowledged:
    """Fingerprints of acknowledged causes that have not grown, and by queue the number of their letters: all, and those
    that died recently."""

    causes: frozenset[str] = frozenset()
    letters: dict[str, tuple[int, int]] = field(default_factory=dict)


def read(connection: Redis, queues: Sequence[str], now: float, recent_seconds: float, min_growth: int) -> Acknowledged:
    """Read the acknowledged causes of these queues at `now` (s). A cause has grown if since then as many letters died
    of it as it had, and at least `min_growth`; letters of stock workers are in no index and do not count."""
    acknowledged = [note for note in notes.read(connection).values() if note.kind == "cause" and note.is_acknowledged]
    if not acknowledged or not queues:
        return Acknowledged()
    with connection.pipeline(transaction=False) as pipe:
        for note in acknowledged:
            for queue in queues:
                key = keys.cause(queue, note.name)
                pipe.zcard(key)
                pipe.zcount(key, 1000 * (now - recent_seconds), "+inf")
                pipe.zcount(key, f"({1000 * note.at.timestamp()}", "+inf")
        answers = iter([replies.integer(reply) for reply in replies.execute(pipe)])
    causes: set[str] = set()
    letters: dict[str, tuple[int, int]] = {}
    for note in acknowledged:
        counts = [(queue, next(answers), next(answers), next(answers)) for queue in queues]
        if sum(later for *_, later in counts) >= max(min_growth, note.letters):
            continue
        causes.add(note.name)
        for queue, all_letters, recent, _ in counts:
            before = letters.get(queue, (0, 0))
            letters[queue] = (before[0] + all_letters, before[1] + recent)
    return Acknowledged(frozenset(causes), letters)
