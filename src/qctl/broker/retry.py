"""Running dead letters again: each leaves the dead in the one step that enqueues it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timezone

from redis import Redis
from redis.exceptions import ResponseError
from rq.rate_limit import RateLimitRegistry
from rq.utils import utcformat

from qctl.broker import burial, events, inspection, keys, replies
from qctl.broker.dead_letters import Place
from qctl.broker.scripts import Script
from qctl.models import Outcome

STEP = 50
"""Letters a script call takes: less than 1 ms."""

_ANSWERS = {
    "done": "",
    "limited": "it waits for its rate limit",
    "absent": "it is no dead letter",
    "gone": "its data is gone",
    "unreadable": "it cannot be read",
}

_retry = Script("retry")


def retry(
    connection: Redis, places: Sequence[Place], *, actor: str, progress: Callable[[int, int | None], None]
) -> list[Outcome]:
    """Put these letters back to the tails of their queues. A paused queue takes them, and they wait.

    May be interrupted between steps and run again. What somebody else retried meanwhile is not done twice.
    """
    outcomes: list[Outcome] = []
    for queue, ids in _steps(places):
        outcomes += _step(connection, queue, ids, actor)
        progress(len(outcomes), len(places))
    return outcomes


def _steps(places: Sequence[Place]) -> Iterator[tuple[str, list[str]]]:
    by_queue: dict[str, list[str]] = {}
    for place in places:
        by_queue.setdefault(place.queue, []).append(place.id)
    for queue, ids in by_queue.items():
        for start in range(0, len(ids), STEP):
            yield queue, ids[start : start + STEP]


def _step(connection: Redis, queue: str, ids: Sequence[str], actor: str) -> list[Outcome]:
    try:
        answers = _move(connection, queue, ids, actor)
    except ResponseError as error:
        if not replies.is_wrong_type(error):
            raise
        # Nothing was changed, and the letters of other queues can do without this one.
        return [Outcome(id_, queue, False, "a key of its queue holds another type than it should") for id_ in ids]
    for id_, answer in zip(ids, answers, strict=True):
        if answer == "limited":
            _ask_limiter(connection, id_)
    return [
        Outcome(id_, queue, answer in ("done", "limited"), _ANSWERS.get(answer, f"it is {answer}, not dead"))
        for id_, answer in zip(ids, answers, strict=True)
    ]


def _move(connection: Redis, queue: str, ids: Sequence[str], actor: str) -> list[str]:
    """What became of each id, in the words of the script."""
    now = datetime.now(timezone.utc)
    limit_begin, _, limit_end = RateLimitRegistry("\0", connection).rate_limited_key.partition("\0")
    answers = _retry(
        connection,
        [
            keys.failed(queue),
            keys.quarantine(queue),
            keys.queue(queue),
            keys.recoveries(queue),
            keys.claims(queue),
            keys.intermediate(queue),
            keys.QUEUES,
            keys.causes(queue),
            keys.EVENTS,
        ],
        [
            queue,
            keys.JOB_PREFIX,
            utcformat(now),
            now.timestamp(),
            actor,
            events.CAP,
            burial.FIELD,
            keys.cause(queue, ""),
            limit_begin,
            limit_end,
            *ids,
        ],
    )
    return [inspection.text(answer) for answer in answers]


def _ask_limiter(connection: Redis, job_id: str) -> None:
    """Let RQ's limiter enqueue what it has slots for. What waits longer gets the slots that others give back."""
    name, most = connection.hmget(keys.job(job_id), ["rate_limit_key", "rate_limit_concurrency"])
    concurrency = inspection.whole_number(most)
    if not name or not concurrency:
        return
    limiter = RateLimitRegistry(inspection.text(name), connection)
    with connection.pipeline() as pipe:
        limiter.register(concurrency, pipe)
        pipe.execute()
    limiter.acquire_and_enqueue(concurrency)
