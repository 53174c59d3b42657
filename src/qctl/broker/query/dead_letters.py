"""Dead letters: failed jobs that need a decision. Reads only; `admin` retries and discards them.

They are in two places: RQ's FailedJobRegistry (retries used up, or rejected), and the quarantine (killed its workers,
or cannot be read; the job's hash may be missing, corrupt or no hash at all).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from redis import Redis

from qctl.broker.bookkeeping import dead_letter_index
from qctl.broker.query.dead_letter_causes import newest_letters
from qctl.broker.query.job_summary import GONE
from qctl.broker.redis import clock, job_fields, keys, replies, untrusted_fields
from qctl.broker.redis.replies import Entry
from qctl.models import DeadKind, DeadLetter, DeadLetterDetail, DeadLetters, State

MAX_SORTED_LETTERS = 2000
"""Maximum letters of all queues that are sorted one by one by their time of death. If there are more, they come in the
order of the index of causes, then of the registry, and in no order if stock workers keep them for ever."""

MAX_PAYLOAD_BYTES = 65_536
"""Size of a compressed payload up to which a list reads it for the name of its function."""

IDS_PER_READ = 1000

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
    """Location of a dead letter. `note` is its entry in the quarantine; `died` in milliseconds, 0 if unknown."""

    queue: str
    id: str
    kind: DeadKind
    died: float = 0
    note: str = ""
    recoveries: int = 0

    @property
    def state(self) -> State:
        """State of the job: failed or quarantined."""
        return "failed" if self.kind == "dead" else "quarantined"


@dataclass(frozen=True)
class _Reading:
    """A letter, with the fields of its job's hash."""

    letter: DeadLetter
    fields: dict[str, bytes | None]
    traceback: str


def count(connection: Redis, queues: Iterable[str]) -> int:
    """Return how many dead letters these queues have."""
    with connection.pipeline(transaction=False) as pipe:
        for queue in queues:
            pipe.zcard(keys.failed(queue))
            pipe.hlen(keys.quarantine(queue))
        return sum(map(replies.integer, replies.execute(pipe)))


def page(
    connection: Redis, queues: Sequence[str], *, limit: int, offset: int = 0, newest_first: bool = True
) -> DeadLetters:
    """Return `limit` dead letters of these queues after the first `offset`, by their time of death."""
    ordered = _candidates(connection, queues, offset + limit, newest_first)
    chosen = ordered[offset : offset + limit]
    return DeadLetters([reading.letter for reading in _read(connection, chosen)], count(connection, queues))


def of_cause(
    connection: Redis, queues: Sequence[str], fingerprint: str, *, limit: int, offset: int = 0
) -> DeadLetters | None:
    """Return a page of the letters of one cause, the last to die first, without reading the others.

    None if the index does not know every letter that may have this cause.
    """
    newest = newest_letters(connection, queues, fingerprint, offset + limit)
    if newest is None:
        return None
    letters, total = newest
    locations = [DeadLetterLocation(queue, id_, "dead", died) for queue, id_, died in letters[offset:]]
    return DeadLetters([reading.letter for reading in _read(connection, locations)], total)


def read(connection: Redis, letters: Sequence[tuple[str, str]]) -> list[DeadLetter]:
    """Return the (queue, id) pairs that are still dead letters."""
    ids_by_queue: dict[str, list[str]] = {}
    for queue, id_ in letters:
        ids_by_queue.setdefault(queue, []).append(id_)
    locations = _find(connection, ids_by_queue)
    still_dead = [locations[id_] for _, id_ in letters if id_ in locations]
    return [reading.letter for reading in _read(connection, still_dead)]


def oldest(connection: Redis, queues: Sequence[str], limit: int) -> list[DeadLetterLocation]:
    """Return the `limit` dead letters of these queues that died first."""
    return _candidates(connection, queues, limit, newest_first=False)[:limit]


def find(connection: Redis, ids: Sequence[str], queues: Sequence[str]) -> dict[str, DeadLetterLocation]:
    """Return the locations of these dead letters in any of the queues. Ids in none of them are left out."""
    locations: dict[str, DeadLetterLocation] = {}
    for start in range(0, len(ids), IDS_PER_READ):
        locations.update(_find(connection, dict.fromkeys(queues, ids[start : start + IDS_PER_READ])))
    return locations


def _find(connection: Redis, ids_by_queue: Mapping[str, Sequence[str]]) -> dict[str, DeadLetterLocation]:
    """Return the locations of those ids that are dead letters of their queue."""
    with connection.pipeline(transaction=False) as pipe:
        for queue, ids in ids_by_queue.items():
            pipe.zmscore(keys.failed(queue), list(ids))
            pipe.hmget(keys.quarantine(queue), ids)
        answers = replies.execute(pipe)
    locations: dict[str, DeadLetterLocation] = {}
    for (queue, ids), failed, notes in zip(ids_by_queue.items(), answers[::2], answers[1::2], strict=True):
        for id_, score in zip(ids, replies.scores(failed, len(ids)), strict=True):
            if score is not None:
                locations.setdefault(id_, DeadLetterLocation(queue, id_, "dead"))
        for id_, note in zip(ids, replies.field_values(notes, len(ids)), strict=True):
            if note is not None:
                locations.setdefault(id_, _quarantined(queue, id_, note))
    return locations


def show(connection: Redis, location: DeadLetterLocation) -> DeadLetterDetail:
    """Return one dead letter with its traceback and payload. The payload is not unpickled."""
    reading = _read(connection, [location])[0]
    with connection.pipeline(transaction=False) as pipe:
        pipe.hget(keys.job(location.id), "data")
        pipe.hget(keys.job(location.id), "meta")
        data, meta = map(replies.optional_bytes, replies.execute(pipe))
    payload, size = untrusted_fields.indent_payload(data)
    return DeadLetterDetail(
        letter=reading.letter,
        created_at=untrusted_fields.parse_time(reading.fields["created_at"]),
        enqueued_at=untrusted_fields.parse_time(reading.fields["enqueued_at"]),
        traceback=reading.traceback or location.note,
        payload=payload,
        payload_size=size,
        description=untrusted_fields.decode(reading.fields["description"]),
        meta=untrusted_fields.indent_meta(meta),
    )


# --- order --------------------------------------------------------------------------------------------------


def _candidates(connection: Redis, queues: Sequence[str], limit: int, newest_first: bool) -> list[DeadLetterLocation]:
    """Return at least the first `limit` letters of these queues, in order of death as far as it is known."""
    if not queues:
        return []
    per_queue = max(limit, MAX_SORTED_LETTERS // len(queues))
    with connection.pipeline(transaction=False) as pipe:
        for queue in queues:
            # RQ scores a letter with its expiry: if all have the same time to live, that is their order of death.
            if newest_first:
                pipe.zrevrangebyscore(keys.failed(queue), "+inf", "(0", 0, per_queue)
            else:
                pipe.zrangebyscore(keys.failed(queue), "(0", "+inf", 0, per_queue)
            pipe.zrangebyscore(keys.failed(queue), "-inf", 0, 0, per_queue)
            pipe.hscan(keys.quarantine(queue), 0, count=per_queue)
            pipe.hkeys(keys.causes(queue))
        answers = replies.execute(pipe)
    ids: set[tuple[str, str]] = set()
    locations: list[DeadLetterLocation] = []
    causes: list[tuple[str, str]] = []
    for queue, expiring, lasting, scanned, prints in zip(queues, *(answers[n::4] for n in range(4)), strict=True):
        failed = replies.bytes_list(expiring) + replies.bytes_list(lasting)
        ids.update((queue, untrusted_fields.decode(id_)) for id_ in failed)
        notes = replies.scanned_fields(scanned)[1]
        locations += [_quarantined(queue, id_, note) for id_, note in notes.items()]
        causes += [(queue, untrusted_fields.decode(fingerprint)) for fingerprint in replies.bytes_list(prints)]
    times_of_death = _times_of_death(connection, causes, limit, newest_first)
    locations += _dead(connection, ids, times_of_death)
    sign = -1 if newest_first else 1
    return sorted(locations, key=lambda letter: (letter.died == 0, sign * letter.died, letter.id))


def _times_of_death(
    connection: Redis, causes: Sequence[tuple[str, str]], limit: int, newest_first: bool
) -> dict[tuple[str, str], float]:
    """Return the times of death in the index, by (queue, id): the first `limit` of each (queue, fingerprint)."""
    with connection.pipeline(transaction=False) as pipe:
        for queue, fingerprint in causes:
            pipe.zrange(keys.cause(queue, fingerprint), 0, limit - 1, desc=newest_first, withscores=True)
        answers = replies.execute(pipe)
    return {
        (queue, untrusted_fields.decode(id_)): died
        for (queue, _), answer in zip(causes, answers, strict=True)
        for id_, died in replies.scored_members(answer)
    }


def _dead(
    connection: Redis, ids: set[tuple[str, str]], times_of_death: dict[tuple[str, str], float]
) -> list[DeadLetterLocation]:
    """Return the letters of the registry with their times of death, from the index or else from the job's hash."""
    undated = [letter for letter in ids if letter not in times_of_death]
    # Stock tools that remove a letter do not update the index.
    unconfirmed = [letter for letter in times_of_death if letter not in ids]
    with connection.pipeline(transaction=False) as pipe:
        for _, id_ in undated:
            pipe.hget(keys.job(id_), "ended_at")
        for queue, id_ in unconfirmed:
            pipe.zscore(keys.failed(queue), id_)
        answers = replies.execute(pipe)
    end_times = [untrusted_fields.parse_time(replies.optional_bytes(reply)) for reply in answers[: len(undated)]]
    gone = {
        letter
        for letter, reply in zip(unconfirmed, answers[len(undated) :], strict=True)
        if replies.optional_float(reply) is None
    }
    locations = [
        DeadLetterLocation(queue, id_, "dead", ended.timestamp() * 1000 if ended else 0)
        for (queue, id_), ended in zip(undated, end_times, strict=True)
    ]
    return locations + [
        DeadLetterLocation(queue, id_, "dead", died)
        for (queue, id_), died in times_of_death.items()
        if (queue, id_) not in gone
    ]


# --- reading ------------------------------------------------------------------------------------------------


def _quarantined(queue: str, job_id: str | bytes, raw: bytes) -> DeadLetterLocation:
    """Return a letter of the quarantine. It is returned even if its note cannot be read."""
    id_ = untrusted_fields.decode(job_id) if isinstance(job_id, bytes) else job_id
    try:
        note = json.loads(raw)
        died, reason, recoveries = float(note["at"]), str(note["reason"]), int(note["recoveries"])
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return DeadLetterLocation(queue, id_, "quarantined", note="the reason of its quarantine cannot be read")
    return DeadLetterLocation(queue, id_, "quarantined", died, reason, recoveries)


def _read(connection: Redis, locations: Sequence[DeadLetterLocation]) -> list[_Reading]:
    """Read the hashes and results of letters, in two round trips."""
    with connection.pipeline(transaction=False) as pipe:
        for location in locations:
            pipe.hmget(keys.job(location.id), _FIELDS)
            pipe.hstrlen(keys.job(location.id), "data")
            pipe.xrevrange(keys.results(location.id), count=1)
            pipe.xlen(keys.results(location.id))
        answers = replies.execute(pipe)
    hashes: list[dict[str, bytes | None]] = [
        dict(zip(_FIELDS, replies.field_values(reply, len(_FIELDS)), strict=True)) for reply in answers[::4]
    ]
    small = [n for n, size in enumerate(answers[1::4]) if 0 < replies.integer(size) <= MAX_PAYLOAD_BYTES]
    with connection.pipeline(transaction=False) as pipe:
        for n in small:
            pipe.hget(keys.job(locations[n].id), "data")
        for location, fields in zip(locations, hashes, strict=True):
            fingerprint = untrusted_fields.decode(fields[job_fields.FINGERPRINT])
            pipe.zscore(keys.cause(location.queue, fingerprint), location.id)
        more = replies.execute(pipe)
    for n, data in zip(small, more, strict=False):
        hashes[n]["data"] = replies.optional_bytes(data)
    return [
        _letter(
            location,
            fields,
            replies.stream_entries(results),
            replies.integer(attempts),
            replies.optional_float(died),
        )
        for location, fields, results, attempts, died in zip(
            locations, hashes, answers[2::4], answers[3::4], more[len(small) :], strict=True
        )
    ]


def _letter(
    location: DeadLetterLocation,
    fields: dict[str, bytes | None],
    results: Sequence[Entry],
    attempts: int,
    died: float | None,
) -> _Reading:
    traceback = untrusted_fields.last_traceback(results, fields)
    is_gone = location.kind == "dead" and not any(value is not None for value in fields.values())
    letter = DeadLetter(
        id=location.id,
        queue=location.queue,
        kind=location.kind,
        function=untrusted_fields.function_name(fields) or "?",
        error=GONE if is_gone else location.note or dead_letter_index.last_line(traceback),
        died_at=clock.optional_datetime(location.died or died or None)
        or untrusted_fields.parse_time(fields["ended_at"]),
        attempts=location.recoveries or _attempts(fields, attempts),
        fingerprint=untrusted_fields.decode(fields[job_fields.FINGERPRINT]) or None,
        is_gone=is_gone,
    )
    return _Reading(letter, fields, traceback)


def _attempts(fields: dict[str, bytes | None], results: int) -> int | None:
    """Return how many times a job ran: its results, and each retry that left none. None if that is unknown.

    RQ keeps ten results, and the number of granted retries only as the list of their delays.
    """
    left = untrusted_fields.parse_count(fields["retries_left"])
    if not 0 < results < 10:
        return None
    if left is None:
        return results
    try:
        granted = len(json.loads(fields["retry_intervals"] or b"[]"))
    except (ValueError, TypeError, RecursionError):
        return None
    return results + granted - left if granted > 1 and granted >= left else None
