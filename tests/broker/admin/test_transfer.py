"""Export and import of jobs: restored to the last byte, and nothing from a hostile file."""

from __future__ import annotations

import base64
import json
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis import Redis
from rq.results import Result

from qctl.broker.admin import export_jobs, import_format, import_jobs
from qctl.broker.bookkeeping import dead_letter_index, events
from qctl.broker.query import job_locations
from qctl.broker.redis import keys, untrusted_fields
from qctl.errors import RejectedError
from qctl.models import STATES, ChosenJobs, State
from support import stock

IMPORTABLE_STATES = [state for state in STATES if state != "started"]


def export(connection: Redis, queue: str, state: State) -> list[str]:
    ids = [entry.id for page in job_locations.read(connection, queue, state) for entry in page]
    return [line for page in export_jobs.lines(connection, ChosenJobs(queue, state, ids)) for line in page]


def import_lines(connection: Redis, lines: list[str], *, trust: bool = True) -> None:
    for line in lines:
        import_jobs.put(connection, import_format.parse(line.encode(), trust=trust), actor="me")


def dump(connection: Redis) -> dict[bytes, Any]:
    """Dump all of Redis without the records of actions and of budgets, with times to live in minutes.

    Imported letters are in no budget: an operator put them there.
    """
    readers: dict[bytes, Callable[[bytes], Any]] = {
        b"hash": connection.hgetall,
        b"list": lambda key: connection.lrange(key, 0, -1),
        b"zset": lambda key: connection.zrange(key, 0, -1, withscores=True),
        b"set": connection.smembers,
        b"stream": connection.xrange,
        b"string": connection.get,
    }
    skip = (b"qctl:events", b"qctl:counts", b"qctl:ingest", b"qctl:totals", b"qctl:budget")
    return {
        key: (readers[connection.type(key)](key), round(connection.pttl(key) / 60_000))
        for key in connection.scan_iter()
        if not key.startswith(skip)
    }


# --- there and back -----------------------------------------------------------------------------------------

raw = st.binary(max_size=40)
names = st.from_regex(r"[a-z_]{1,20}", fullmatch=True).filter(lambda name: name not in ("status", "origin"))
words = st.text(st.characters(exclude_characters=":\0", exclude_categories=["Cs"]), min_size=1, max_size=30)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    job_id=words,
    queue=words,
    state=st.sampled_from(IMPORTABLE_STATES),
    fields=st.dictionaries(names, raw, max_size=8),
    score=st.floats(allow_nan=False, width=64),
    note=raw,
    results=st.lists(st.dictionaries(names, raw, min_size=1, max_size=3), max_size=3),
)
def test_any_job_is_imported_to_the_last_byte(
    connection: Redis,
    job_id: str,
    queue: str,
    state: State,
    fields: dict[str, bytes],
    score: float,
    note: bytes,
    results: list[dict[str, bytes]],
) -> None:
    """Dead jobs with any content can be exported and imported."""
    connection.flushall()
    status = {"queued": "queued", "quarantined": "failed"}.get(state, state)
    connection.hset(keys.job(job_id), mapping={**fields, "status": status, "origin": queue})
    connection.sadd(keys.QUEUES, keys.queue(queue))
    for result in results:
        connection.xadd(keys.results(job_id), result)  # type: ignore[arg-type]
    if state == "queued":
        connection.rpush(keys.queue(queue), job_id)
    elif state == "quarantined":
        connection.hset(keys.quarantine(queue), job_id, note)
    else:
        connection.zadd(job_locations.key(state, queue), {job_id: score})
    before, lines = dump(connection), export(connection, queue, state)
    connection.flushall()
    import_lines(connection, lines)
    assert dump(connection) == before


@pytest.mark.parametrize("state", IMPORTABLE_STATES)
def test_jobs_of_rq_and_qctl_are_imported_whole(connection: Redis, state: State) -> None:
    for n in range(3):
        job = stock.enqueue(connection, "mail", f"j{n}", n, meta={"n": n})
        if state != "queued":
            connection.lrem(keys.queue("mail"), 0, job.id)
        if state == "failed":
            stock.die(connection, job, ttl=5000 + n)
            with connection.pipeline() as pipe:
                dead_letter_index.add(pipe, "mail", job.id, "app.tasks.send", stock.TRACEBACK)
                pipe.execute()
        elif state == "quarantined":
            connection.hset(keys.quarantine("mail"), job.id, '{"reason": "r", "at": 1, "recoveries": 0}')
        elif state != "queued":
            connection.hset(keys.job(job.id), "status", state)
            connection.zadd(job_locations.key(state, "mail"), {job.id: 4_000_000_000.5 + n})
            connection.expire(keys.job(job.id), 7200)
    before, lines = dump(connection), export(connection, "mail", state)
    assert len(lines) == 3
    connection.flushall()
    import_lines(connection, lines)
    assert dump(connection) == before
    assert [event.event for event in events.newest(connection, 9)] == ["imported"] * 3


def test_line_has_a_readable_part(connection: Redis) -> None:
    stock.die(connection, stock.enqueue(connection, "mail", "d", {"to": "ada"}, json=True))
    (line,) = map(json.loads, export(connection, "mail", "failed"))
    assert line["readable"] == {
        "function": "app.tasks.send",
        "error": "ValueError: no such address",
        "traceback": stock.TRACEBACK,
        "payload": ["app.tasks.send", None, [{"to": "ada"}], {}],
    }


def test_lines_are_ascii_without_control_characters(connection: Redis) -> None:
    connection.hset(
        keys.job("j\x7f\x1b\udcff"), mapping={"status": "failed", "origin": "mail", "data": b"\x1b\x7f\xff"}
    )
    connection.zadd(keys.failed("mail"), {"j\x7f\x1b\udcff": 1})
    (line,) = export(connection, "mail", "failed")
    assert line.isascii()
    assert line.isprintable()


def test_job_that_is_gone_is_not_exported(connection: Redis) -> None:
    connection.zadd(keys.failed("mail"), {"gone": 1})
    assert export(connection, "mail", "failed") == []


def test_existing_job_is_not_overwritten(connection: Redis) -> None:
    stock.die(connection, stock.enqueue(connection, "mail", "d"))
    lines, before = export(connection, "mail", "failed"), dump(connection)
    with pytest.raises(RejectedError, match="there is a job d already"):
        import_lines(connection, lines)
    assert dump(connection) == before


@pytest.mark.parametrize("key", [keys.failed, keys.causes])
def test_key_of_wrong_type_imports_nothing(connection: Redis, key: Callable[[str], str]) -> None:
    stock.die(connection, stock.enqueue(connection, "mail", "d"))
    lines = export(connection, "mail", "failed")
    connection.flushall()
    connection.set(key("mail"), "text")
    with pytest.raises(RejectedError, match="another type"):
        import_lines(connection, lines)
    assert connection.exists(keys.job("d")) == 0


def test_expired_job_is_rejected(connection: Redis) -> None:
    with pytest.raises(RejectedError, match="it has expired"):
        import_lines(connection, [json.dumps({**GOOD, "expires_at": 1})])


# --- corrupt and hostile lines ------------------------------------------------------------------------------

PAYLOAD = '["app.take", null, [], {}]'
GOOD: dict[str, Any] = {
    "schema": "qctl.job/1",
    "id": "j",
    "queue": "mail",
    "state": "failed",
    "score": -1.0,
    "fields": {"status": "failed", "origin": "mail", "data": PAYLOAD},
    "results": [],
}


def line(**changes: Any) -> bytes:
    return json.dumps({**GOOD, **changes}).encode()


def with_fields(**fields: Any) -> bytes:
    return line(fields={**GOOD["fields"], **fields})


def test_valid_line_is_read() -> None:
    assert import_format.parse(line(), trust=False).id == "j"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"\xff", "not UTF-8"),
        (b"[" * 100_000, "not JSON: RecursionError|not JSON"),
        (b'{"schema": "qctl.job/1", "score": NaN}', "NaN is not JSON"),
        (b"1" * 5000, "not JSON"),
        (b"[]", "not qctl.job/1"),
        (b"{}", "not qctl.job/1"),
        (line(schema="qctl.job/2"), "not qctl.job/1"),
        (line(more=1), "'more', which no export writes"),
        (line(state="started"), "its state is 'started'"),
        (line(state=[1]), r"its state is \[1\]"),
        (line(id=""), "its id is not 1 to 200 characters"),
        (line(id="x" * 201), "its id is not 1 to 200 characters"),
        (line(id=7), "its id is not 1 to 200"),
        (line(id="other:dependents"), "its id has a colon"),
        (line(id="\ud800"), "its id has half of a character"),
        (line(queue=None), "its queue is not"),
        (line(score="high"), "its score is not a number"),
        (line(score=True), "its score is not a number"),
        (line(score=None), "its score is not a number"),
        (line(fields=[]), "its fields is not an object"),
        (line(fields={}), "it has no data"),
        (line(fields={f"f{n}": "" for n in range(101)}), "at most 100 names"),
        (with_fields(**{"a b": ""}), "'a b', which is not a name of a field"),
        (with_fields(x=7), "its x is neither text nor base64"),
        (with_fields(x={"base64": "%"}), "the base64 of its x is corrupt"),
        (with_fields(x={"base64": "", "more": 1}), "its x is neither"),
        (with_fields(x="\ud800"), "its x has half of a character"),
        (with_fields(status="queued"), "its state is failed, but its status is 'queued'"),
        (with_fields(origin="other"), "its queue is 'mail', but its origin is 'other'"),
        (line(results={}), "its results are not a list"),
        (line(results=[{"id": "1-0", "fields": {}}]), "one of its results is empty"),
        (line(results=[{"id": "*", "fields": {"a": "b"}}]), "its results have the id '\\*'"),
        (line(results=[{"id": f"{n}-0", "fields": {"a": "b"}} for n in (2, 1)]), "out of order"),
        (line(died=1.0), "no fingerprint"),
        (line(expires_at=-1), "its expires_at is not a time"),
        (line(results_expire_at="soon"), "its results_expire_at is not a time"),
        (line(cause="x" * 10_001), "its note is longer"),
        (
            with_fields(data={"base64": base64.b64encode(pickle.dumps(1)).decode()}),
            "data: if you trust the file",
        ),
        (
            with_fields(meta={"base64": base64.b64encode(pickle.dumps({})).decode()}),
            "meta: if you trust the file",
        ),
        (with_fields(result="pickled"), "result: if you trust the file"),
        (with_fields(success_callback_name="os.system"), "success_callback_name: if you trust the file"),
        (with_fields(webhooks='[{"url": "http://169.254.169.254"}]'), "webhooks: if you trust the file"),
        (
            line(results=[{"id": "1-0", "fields": {"return_value": base64.b64encode(pickle.dumps(1)).decode()}}]),
            "return value: if you trust the file",
        ),
    ],
)
def test_invalid_line_is_rejected_with_its_reason(text: bytes, reason: str) -> None:
    with pytest.raises(RejectedError, match=reason):
        import_format.parse(text, trust=False)


def test_too_long_line_is_rejected() -> None:
    with pytest.raises(RejectedError, match="longer than"):
        import_format.parse(b" " * (import_format.MAX_LINE_BYTES + 1), trust=False)


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
    )
)
@settings(max_examples=100, deadline=None)
def test_any_value_of_a_field_is_rejected_or_read(value: Any) -> None:
    for name in (*GOOD, "died", "cause", "note", "expires_at"):
        try:
            import_format.parse(json.dumps({**GOOD, name: value}).encode(), trust=False)
        except RejectedError as error:
            assert error.message  # noqa: PT017 - that it is no other error is what is tested


def test_trusted_job_is_imported_unchanged(connection: Redis) -> None:
    stock.die(connection, stock.enqueue(connection, "mail", "d", object))
    lines = export(connection, "mail", "failed")
    connection.flushall()
    with pytest.raises(RejectedError, match="--trust"):
        import_lines(connection, lines, trust=False)
    import_lines(connection, lines)
    assert untrusted_fields.decode(connection.hget(keys.job("d"), "status")) == "failed"
    assert connection.exists(Result.get_key("d"))
