"""Completes job ids as people type them: unique prefixes, and odd ids as they are shown, with escaped characters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from redis import Redis

from qctl.broker.redis import keys, replies, untrusted_fields
from qctl.errors import RefusedError
from qctl.safe import unescape_line

MIN_PREFIX_CHARACTERS = 6
"""Shortest prefix that is completed. A shorter one would match by chance among a million random ids."""

MAX_PREFIX_CHARACTERS = 35
"""Longest prefix that is completed: an id of RQ has 36 characters, so that a whole one costs no search."""

MAX_PREFIXES = 20
"""Ids of a command that may be prefixes. Longer lists come from programs, which know whole ids."""

MAX_CANDIDATES = 5
"""Ids that are named if a prefix is not unique."""

KEYS_PER_READ = 1000


def complete(connection: Redis, ids: Sequence[str]) -> list[str]:
    """Return the ids, with each unique prefix of a job's id replaced by that id, and each escaped id by the real one.
    Ids of no job stay as they are.

    Raises RefusedError, with the candidates, for a prefix of several ids.
    """
    ids = _unescaped(connection, ids)
    prefixes = _unknown(connection, ids) if len(ids) <= MAX_PREFIXES else []
    candidates = _candidates(connection, prefixes) if prefixes else {}
    for prefix, found in candidates.items():
        if len(found) > 1:
            more = ", ..." if len(found) > MAX_CANDIDATES else ""
            raise RefusedError(
                f"job id {prefix!r} is ambiguous: {', '.join(sorted(found)[:MAX_CANDIDATES])}{more}",
                "type more of the id",
            )
    whole = {prefix: found.pop() for prefix, found in candidates.items() if found}
    return [whole.get(id_, id_) for id_ in ids]


def _unescaped(connection: Redis, ids: Sequence[str]) -> Sequence[str]:
    """Return the ids, with each that names no job, but shows the id of one with escaped characters, replaced by it."""
    plain = {id_: text for id_ in ids if "\\" in id_ and (text := unescape_line(id_)) is not None}
    if not plain:
        return ids
    with connection.pipeline(transaction=False) as pipe:
        for shown, text in plain.items():
            pipe.exists(keys.job(shown))
            pipe.exists(keys.job(text))
        answers = iter(replies.execute(pipe))
    whole = {
        shown: text
        for shown, text in plain.items()
        if (replies.integer(next(answers)), replies.integer(next(answers))) == (0, 1)
    }
    return [whole.get(id_, id_) for id_ in ids]


def _unknown(connection: Redis, ids: Sequence[str]) -> list[str]:
    """Return the ids that may be prefixes, because they are short and no job has them."""
    short = [id_ for id_ in dict.fromkeys(ids) if MIN_PREFIX_CHARACTERS <= len(id_) <= MAX_PREFIX_CHARACTERS]
    if not short:
        return []
    with connection.pipeline(transaction=False) as pipe:
        for id_ in short:
            pipe.exists(keys.job(id_))
        answers = replies.execute(pipe)
    return [id_ for id_, answer in zip(short, answers, strict=True) if not replies.integer(answer)]


def _candidates(connection: Redis, prefixes: Sequence[str]) -> dict[str, set[str]]:
    """Return up to one id more than MAX_CANDIDATES for each prefix."""
    candidates: dict[str, set[str]] = {prefix: set() for prefix in prefixes}
    for id_ in _ids(connection, prefixes[0] if len(prefixes) == 1 else ""):
        for prefix, found in candidates.items():
            if len(found) <= MAX_CANDIDATES and _completes(id_, prefix):
                found.add(id_)
    return candidates


def _completes(id_: str, prefix: str) -> bool:
    """Return True unless the rest of the id is only digits: `order-1` is not short for `order-12`, which is another."""
    rest = id_.removeprefix(prefix)
    return id_.startswith(prefix) and not rest.isdecimal()


def _ids(connection: Redis, beginning: str) -> Iterator[str]:
    """Yield the ids of all jobs that begin so, some of them twice."""
    pattern = untrusted_fields.encode(f"{keys.escape_pattern(keys.JOB_PREFIX + beginning)}*")
    cursor = 0
    while True:
        cursor, page = connection.scan(cursor, match=pattern, count=KEYS_PER_READ)
        for name in replies.bytes_list(page):
            id_ = untrusted_fields.decode(name).removeprefix(keys.JOB_PREFIX)
            if not id_.endswith(keys.DEPENDENTS_SUFFIX):
                yield id_
        if not cursor:
            return
