"""Dead letters: jobs that wait for a person. Reading only; `retry.py` acts.

They are in two places: RQ's FailedJobRegistry (out of retries, or rejected), and the quarantine (killed its workers,
or cannot be read; the job's hash may be missing, corrupt or no hash at all).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from redis import Redis

from qctl.broker.bookkeeping import dead_letter_index
from qctl.broker.query.dead_letter_causes import newest_letters
from qctl.broker.redis import clock, job_fields, keys, replies, untrusted_fields
from qctl.models import DeadKind, DeadLetter, DeadLetterDetail, DeadLetters, State

WINDOW = 2000
"""Letters that are put in order by their time of death one by one, over all queues. Where there are more, the order is
that of the index of causes, of the registry, and none among those that stock workers keep for ever."""

SMALL = 65_536
"""Bytes of a compressed payload up to which a list reads it, to learn the function's name."""

STEP = 1000
"""Ids read at once."""

_FIELDS = (
    "description",
    "exc_info",
    "retries_left",
    "retry_intervals",
    "created_at",
    "enqueued_at",
    "ended_at",
    job_fields.FINGERPRINT,
)


@dataclass(frozen=True)
class DeadLetterLocation:
    """Where a dead letter lies. `note` is what the quarantine says of it; `died` in milliseconds, 0 if unknown."""

    queue: str
    id: str
    kind: DeadKind
    died: float = 0
    note: str = ""
    recoveries: int = 0

    @property
    def state(self) -> State:
        """The state that this is."""
        return "failed" if self.kind == "dead" else "quarantined"


@dataclass(frozen=True)
class _Read:
    """A letter with what its job's hash said."""

    letter: DeadLetter
    fields: dict[str, bytes | None]
    traceback: str


def count(connection: Redis, queues: Iterable[str]) -> int:
    """How many dead letters these queues have."""
    with connection.pipeline(transaction=False) as pipe:
        for queue in queues:
            pipe.zcard(keys.failed(queue))
            pipe.hlen(keys.quarantine(queue))
        return sum(replies.granted(reply, 0) for reply in replies.execute(pipe))


def page(
    connection: Redis, queues: Sequence[str], *, limit: int, offset: int = 0, newest_first: bool = True
) -> DeadLetters:
    """`limit` dead letters of these queues after the first `offset`, by when they died."""
    ordered = _candidates(connection, queues, offset + limit, newest_first)
    chosen = ordered[offset : offset + limit]
    return DeadLetters([read.letter for read in _read(connection, chosen)], count(connection, queues))


def of_cause(
    connection: Redis, queues: Sequence[str], fingerprint: str, *, limit: int, offset: int = 0
) -> DeadLetters | None:
    """A page of the letters of one cause, the last to die first, without looking at the others. None where the index
    does not know of all that may be of it."""
    found = newest_letters(connection, queues, fingerprint, offset + limit)
    if found is None:
        return None
    places = [DeadLetterLocation(queue, id_, "dead", died) for queue, id_, died in found[0][offset:]]
    return DeadLetters([read.letter for read in _read(connection, places)], found[1])


def read(connection: Redis, letters: Sequence[tuple[str, str]]) -> list[DeadLetter]:
    """These (queue, id), as far as they are still dead."""
    wanted: dict[str, list[str]] = {}
    for queue, id_ in letters:
        wanted.setdefault(queue, []).append(id_)
    found = _look(connection, wanted)
    return [each.letter for each in _read(connection, [found[id_] for _, id_ in letters if id_ in found])]


def oldest(connection: Redis, queues: Sequence[str], limit: int) -> list[DeadLetterLocation]:
    """The `limit` dead letters of these queues that have waited longest."""
    return _candidates(connection, queues, limit, newest_first=False)[:limit]


def find(connection: Redis, ids: Sequence[str], queues: Sequence[str]) -> dict[str, DeadLetterLocation]:
    """Where these dead letters lie, in whichever of the queues. Those that are in none are left out."""
    found: dict[str, DeadLetterLocation] = {}
    for start in range(0, len(ids), STEP):
        found.update(_look(connection, dict.fromkeys(queues, ids[start : start + STEP])))
    return found


def _look(connection: Redis, wanted: Mapping[str, Sequence[str]]) -> dict[str, DeadLetterLocation]:
    """Which of the ids that are wanted of each queue it has."""
    with connection.pipeline(transaction=False) as pipe:
        for queue, ids in wanted.items():
            pipe.zmscore(keys.failed(queue), ids)
            pipe.hmget(keys.quarantine(queue), ids)
        answers = replies.execute(pipe)
    found: dict[str, DeadLetterLocation] = {}
    for (queue, ids), failed, notes in zip(wanted.items(), answers[::2], answers[1::2], strict=True):
        nothing = [None] * len(ids)
        for id_, score in zip(ids, replies.granted(failed, nothing), strict=True):
            if score is not None:
                found.setdefault(id_, DeadLetterLocation(queue, id_, "dead"))
        for id_, note in zip(ids, replies.granted(notes, nothing), strict=True):
            if note is not None:
                found.setdefault(id_, _quarantined(queue, id_, note))
    return found


def show(connection: Redis, place: DeadLetterLocation) -> DeadLetterDetail:
    """One dead letter with its traceback and payload. The payload is never unpickled."""
    read = _read(connection, [place])[0]
    with connection.pipeline(transaction=False) as pipe:
        pipe.hget(keys.job(place.id), "data")
        pipe.hget(keys.job(place.id), "meta")
        data, meta = (replies.granted(reply, None) for reply in replies.execute(pipe))
    payload, size = untrusted_fields.indent_payload(data)
    return DeadLetterDetail(
        letter=read.letter,
        created_at=untrusted_fields.parse_time(read.fields["created_at"]),
        enqueued_at=untrusted_fields.parse_time(read.fields["enqueued_at"]),
        traceback=read.traceback or place.note,
        payload=payload,
        payload_size=size,
        description=untrusted_fields.decode(read.fields["description"]),
        meta=untrusted_fields.indent_meta(meta),
    )


# --- order --------------------------------------------------------------------------------------------------


def _candidates(connection: Redis, queues: Sequence[str], most: int, newest_first: bool) -> list[DeadLetterLocation]:
    """At least the first `most` letters of these queues in the order asked for, where it is known."""
    if not queues:
        return []
    each = max(most, WINDOW // len(queues))
    with connection.pipeline(transaction=False) as pipe:
        for queue in queues:
            # RQ scores a letter with the end of its time: where all have the same, that is their order of death.
            if newest_first:
                pipe.zrevrangebyscore(keys.failed(queue), "+inf", "(0", 0, each)
            else:
                pipe.zrangebyscore(keys.failed(queue), "(0", "+inf", 0, each)
            pipe.zrangebyscore(keys.failed(queue), "-inf", 0, 0, each)
            pipe.hscan(keys.quarantine(queue), 0, count=each)
            pipe.hkeys(keys.causes(queue))
        answers = replies.execute(pipe)
    ids: set[tuple[str, str]] = set()
    places: list[DeadLetterLocation] = []
    causes: list[tuple[str, str]] = []
    for queue, dying, lasting, scanned, prints in zip(queues, *(answers[n::4] for n in range(4)), strict=True):
        ids.update(
            (queue, untrusted_fields.decode(id_)) for id_ in replies.granted(dying, []) + replies.granted(lasting, [])
        )
        places += [_quarantined(queue, id_, note) for id_, note in replies.granted(scanned, (0, {}))[1].items()]
        causes += [(queue, untrusted_fields.decode(print_)) for print_ in replies.granted(prints, [])]
    dated = _dated(connection, causes, most, newest_first)
    places += _dead(connection, ids, dated)
    sign = -1 if newest_first else 1
    return sorted(places, key=lambda place: (place.died == 0, sign * place.died, place.id))


def _dated(
    connection: Redis, causes: Sequence[tuple[str, str]], most: int, newest_first: bool
) -> dict[tuple[str, str], float]:
    """When letters of these (queue, fingerprint) died, by (queue, id): the first `most` of each."""
    with connection.pipeline(transaction=False) as pipe:
        for queue, fingerprint in causes:
            pipe.zrange(keys.cause(queue, fingerprint), 0, most - 1, desc=newest_first, withscores=True)
        answers = replies.execute(pipe)
    return {
        (queue, untrusted_fields.decode(id_)): died
        for (queue, _), scored in zip(causes, answers, strict=True)
        for id_, died in replies.granted(scored, [])
    }


def _dead(
    connection: Redis, ids: set[tuple[str, str]], dated: dict[tuple[str, str], float]
) -> list[DeadLetterLocation]:
    """The letters of the registry with their time of death: by the index, else by the job's hash."""
    undated = [place for place in ids if place not in dated]
    # A stock tool that takes a letter away does not know of the index.
    doubtful = [place for place in dated if place not in ids]
    with connection.pipeline(transaction=False) as pipe:
        for _, id_ in undated:
            pipe.hget(keys.job(id_), "ended_at")
        for queue, id_ in doubtful:
            pipe.zscore(keys.failed(queue), id_)
        answers = replies.execute(pipe)
    ended = [untrusted_fields.parse_time(replies.granted(reply, None)) for reply in answers[: len(undated)]]
    gone = {
        place
        for place, reply in zip(doubtful, answers[len(undated) :], strict=True)
        if replies.granted(reply, None) is None
    }
    places = [
        DeadLetterLocation(queue, id_, "dead", when.timestamp() * 1000 if when else 0)
        for (queue, id_), when in zip(undated, ended, strict=True)
    ]
    return places + [
        DeadLetterLocation(queue, id_, "dead", died) for (queue, id_), died in dated.items() if (queue, id_) not in gone
    ]


# --- reading ------------------------------------------------------------------------------------------------


def _quarantined(queue: str, job_id: str | bytes, raw: bytes) -> DeadLetterLocation:
    """A letter by what the quarantine notes of it; a note that cannot be read hides nothing."""
    id_ = untrusted_fields.decode(job_id) if isinstance(job_id, bytes) else job_id
    try:
        note = json.loads(raw)
        return DeadLetterLocation(
            queue, id_, "quarantined", float(note["at"]), str(note["reason"]), int(note["recoveries"])
        )
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return DeadLetterLocation(queue, id_, "quarantined", note="why it was quarantined cannot be read")


def _read(connection: Redis, places: Sequence[DeadLetterLocation]) -> list[_Read]:
    """These letters as their jobs' hashes and results tell, in two round trips."""
    with connection.pipeline(transaction=False) as pipe:
        for place in places:
            pipe.hmget(keys.job(place.id), _FIELDS)
            pipe.hstrlen(keys.job(place.id), "data")
            pipe.xrevrange(keys.results(place.id), count=1)
            pipe.xlen(keys.results(place.id))
        answers = replies.execute(pipe)
    nothing = [None] * len(_FIELDS)
    hashes: list[dict[str, bytes | None]] = [
        dict(zip(_FIELDS, replies.granted(reply, nothing), strict=True)) for reply in answers[::4]
    ]
    small = [n for n, size in enumerate(answers[1::4]) if 0 < replies.granted(size, 0) <= SMALL]
    with connection.pipeline(transaction=False) as pipe:
        for n in small:
            pipe.hget(keys.job(places[n].id), "data")
        for place, fields in zip(places, hashes, strict=True):
            pipe.zscore(keys.cause(place.queue, untrusted_fields.decode(fields[job_fields.FINGERPRINT])), place.id)
        more = replies.execute(pipe)
    for n, data in zip(small, more, strict=False):
        hashes[n]["data"] = replies.granted(data, None)
    return [
        _letter(
            place,
            fields,
            replies.granted(result, None),
            replies.granted(runs, 0),
            replies.granted(died, None),
        )
        for place, fields, result, runs, died in zip(
            places, hashes, answers[2::4], answers[3::4], more[len(small) :], strict=True
        )
    ]


def _letter(
    place: DeadLetterLocation, fields: dict[str, bytes | None], result: Any, runs: int, died: float | None
) -> _Read:
    trace = untrusted_fields.last_traceback(result, fields)
    letter = DeadLetter(
        id=place.id,
        queue=place.queue,
        kind=place.kind,
        function=untrusted_fields.function_name(fields) or "?",
        error=place.note or dead_letter_index.last_line(trace),
        died_at=_died_at(place.died or died) or untrusted_fields.parse_time(fields["ended_at"]),
        attempts=place.recoveries or _attempts(fields, runs),
        fingerprint=untrusted_fields.decode(fields[job_fields.FINGERPRINT]) or None,
    )
    return _Read(letter, fields, trace)


def _died_at(died: float | None) -> datetime | None:
    try:
        return clock.to_datetime(died) if died else None
    except (ValueError, OverflowError, OSError):
        return None


def _attempts(fields: dict[str, bytes | None], runs: int) -> int | None:
    """How often a job ran: each entry of its results, and each retry that left none. None where that is not known.

    RQ keeps ten entries, and how many retries were granted only as the list of their delays.
    """
    left = untrusted_fields.parse_count(fields["retries_left"])
    if not 0 < runs < 10:
        return None
    if left is None:
        return runs
    try:
        granted = len(json.loads(fields["retry_intervals"] or b"[]"))
    except (ValueError, TypeError, RecursionError):
        return None
    return runs + granted - left if granted > 1 and granted >= left else None
