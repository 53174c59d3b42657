"""Edits of payloads: the original is kept, no edit is lost, and nothing is unpickled."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from redis import Redis
from rq.job import Job
from rq.serializers import JSONSerializer

from qctl.broker.admin import edit_payload
from qctl.broker.bookkeeping import events
from qctl.broker.query import job_detail
from qctl.broker.redis import keys
from qctl.errors import NotFoundError, RefusedError, UsageError
from support import stock
from support.stock import Bomb


@pytest.fixture
def letter(connection: Redis) -> str:
    """A dead letter with a JSON payload."""
    stock.die(connection, stock.enqueue(connection, "mail", "d", "ada@exmaple.com", json=True))
    return "d"


def write(connection: Redis, text: str, job_id: str = "d") -> bool:
    return edit_payload.write(connection, edit_payload.read(connection, job_id), text, actor="me@here")


def test_original_payload_survives_edits_and_is_restored(connection: Redis, letter: str) -> None:
    """A payload can be corrected before a retry, and the original is kept."""
    before = connection.hgetall(keys.job("d"))
    assert write(connection, '{"args": ["ada@example.com"]}')
    assert write(connection, '{"kwargs": {"copies": 2}}')
    job = Job.fetch("d", connection=connection, serializer=JSONSerializer)
    assert (job.func_name, job.args, job.kwargs) == ("app.tasks.send", ["ada@example.com"], {"copies": 2})
    assert job.description == "app.tasks.send('ada@example.com', copies=2)"
    shown = job_detail.read(connection, "d", ["mail"])
    assert shown is not None
    assert shown.original is not None
    assert "exmaple" in (shown.original.text or "")
    assert (shown.edited or "").startswith("me@here 20")
    edit_payload.revert(connection, edit_payload.read(connection, "d"), actor="me@here")
    after = connection.hgetall(keys.job("d"))
    assert after == {**before, b"description": after[b"description"]}
    edits = [(event.event, event.fields["reason"]) for event in events.newest(connection, 3)]
    assert edits == [("edited", "the original is kept")] * 2 + [("edited", "the original is back")]


def test_equal_payload_changes_nothing(connection: Redis, letter: str) -> None:
    before = connection.hgetall(keys.job("d"))
    assert not write(connection, '{"args": [ "ada@exmaple.com" ]}')
    assert not write(connection, "{}")
    assert connection.hgetall(keys.job("d")) == before
    with pytest.raises(RefusedError, match="never edited"):
        edit_payload.revert(connection, edit_payload.read(connection, "d"), actor="me")


def test_concurrent_edit_is_not_lost(connection: Redis, letter: str) -> None:
    mine = edit_payload.read(connection, "d")
    write(connection, '{"args": ["theirs"]}')
    with pytest.raises(RefusedError, match="somebody else edited it"):
        edit_payload.write(connection, mine, '{"args": ["mine"]}', actor="me")
    assert "theirs" in edit_payload.read(connection, "d").text


@pytest.mark.parametrize("status", ["started", "finished"])
def test_started_or_finished_job_is_not_edited(connection: Redis, letter: str, status: str) -> None:
    connection.hset(keys.job("d"), "status", status)
    with pytest.raises(RefusedError, match=r"it runs|it has finished"):
        write(connection, '{"args": []}')


def test_claimed_job_is_not_edited(connection: Redis, letter: str) -> None:
    connection.hset(keys.claims("mail"), "d", "w|1")
    with pytest.raises(RefusedError, match="it runs"):
        write(connection, '{"args": []}')


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "not JSON: .* at line 1, column 2"),
        ('{\n"args": [1,]}', "at line 2, column"),
        ('{"args": [NaN]}', "it has NaN"),
        ("[]", "not an object"),
        ('{"data": 1}', "'data', which is none of function, args, kwargs"),
        ('{"args": {}}', "args of the payload is not a list"),
        ('{"kwargs": []}', "kwargs of the payload is not an object"),
        ('{"function": ""}', "function of the payload is not text"),
        ("[" * 100_000, "nested too deeply|not JSON"),
    ],
)
def test_error_in_payload_has_a_position(connection: Redis, letter: str, text: str, said: str) -> None:
    before = connection.hgetall(keys.job("d"))
    with pytest.raises(UsageError, match=said):
        write(connection, text)
    assert connection.hgetall(keys.job("d")) == before


def test_pickled_payload_is_refused_and_not_unpickled(connection: Redis, tmp_path: Path) -> None:
    bomb = Bomb(tmp_path / "went off")
    stock.die(connection, stock.enqueue(connection, "mail", "p", bomb))
    with pytest.raises(RefusedError, match="not JSON, and is never unpickled"):
        edit_payload.read(connection, "p")
    assert not bomb.went_off


@pytest.mark.parametrize("data", [json.dumps(["f", {"an": "object"}, [], {}]), json.dumps(["f", None]), "{}"])
def test_other_payloads_are_refused(connection: Redis, data: str) -> None:
    connection.hset(keys.job("x"), mapping={"data": data, "origin": "mail", "status": "failed"})
    with pytest.raises(RefusedError, match="cannot be edited"):
        edit_payload.read(connection, "x")


def test_missing_job_is_not_found(connection: Redis) -> None:
    with pytest.raises(NotFoundError):
        edit_payload.read(connection, "nope")
