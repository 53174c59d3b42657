"""Lists and details of dead letters, with any damage."""

from __future__ import annotations

import json
import time
import zlib
from pathlib import Path

import pytest
from redis import Redis
from redis.client import Pipeline
from rq.results import Result

from qctl.broker.query import dead_letters
from qctl.broker.redis import job_fields, keys
from qctl.models import DEAD_STATES, DeadLetter
from support import stock
from support.ingest import stage_letter
from support.stock import Bomb


def listed(connection: Redis, *queues: str, limit: int = 50, offset: int = 0, newest: bool = True) -> list[DeadLetter]:
    return dead_letters.page(connection, queues, limit=limit, offset=offset, newest_first=newest).letters


def add_dead_letter(connection: Redis, queue: str, job_id: str, died: float, reason: str = "ValueError: no") -> None:
    """Add a letter as qctl writes it, with its time of death in seconds."""
    with connection.pipeline() as pipe:
        stage_letter(pipe, queue, "app.tasks.take", ["raw"], reason, job_id)
        pipe.execute()
    fingerprint = connection.hget(keys.job(job_id), job_fields.FINGERPRINT)
    assert fingerprint is not None
    connection.zadd(keys.cause(queue, fingerprint.decode()), {job_id: died * 1000})


def test_stock_letter_is_described_and_not_unpickled(connection: Redis, tmp_path: Path) -> None:
    bomb = Bomb(tmp_path / "went off")
    job = stock.enqueue(connection, "mail", "j", bomb, meta={"bomb": bomb})
    stock.die(connection, job)
    (letter,) = listed(connection, "mail")
    assert (letter.id, letter.queue, letter.kind) == ("j", "mail", "dead")
    assert (letter.function, letter.error) == ("app.tasks.send", "ValueError: no such address")
    assert (letter.died_at, letter.attempts, letter.fingerprint) == (job.ended_at, 1, None)
    detail = dead_letters.show(connection, dead_letters.find(connection, ["j"], ["other", "mail"])["j"])
    assert (detail.letter, detail.traceback, detail.payload) == (letter, stock.TRACEBACK, None)
    assert detail.payload_size == len(job.data)
    assert detail.meta is None
    assert detail.description == "app.tasks.send(<Bomb>)"
    assert not bomb.went_off
    assert bomb.proves_itself()


def test_letter_of_qctl_shows_payload_and_cause(connection: Redis) -> None:
    add_dead_letter(connection, "mail", "r", 1_700_000_000, "ValueError: not JSON")
    (letter,) = listed(connection, "mail")
    assert (letter.function, letter.error) == ("app.tasks.take", "ValueError: not JSON")
    assert letter.died_at is not None
    assert letter.died_at.timestamp() == 1_700_000_000
    assert len(letter.fingerprint or "") == 12
    detail = dead_letters.show(connection, dead_letters.find(connection, ["r"], ["mail"])["r"])
    assert json.loads(detail.payload or "") == ["app.tasks.take", None, ["raw"], {}]
    assert detail.letter == letter


def test_error_of_old_letter_comes_from_its_hash(connection: Redis) -> None:
    stock.die(connection, stock.enqueue(connection, "mail", "j"))
    connection.delete(keys.results("j"))
    connection.hset(keys.job("j"), "exc_info", zlib.compress(b"Traceback\nKeyError: 'old'\n"))
    assert listed(connection, "mail")[0].error == "KeyError: 'old'"


@pytest.mark.parametrize("newest", [True, False])
def test_pages_are_in_order_of_death_over_queues_and_kinds(connection: Redis, newest: bool) -> None:
    for n in (1, 4):
        add_dead_letter(connection, "mail", f"j{n}", 1_700_000_000 + n, f"Error{n}: x")
    stock.die(connection, stock.enqueue(connection, "files", "j2"))
    connection.hset(keys.job("j2"), "ended_at", "2023-11-14T22:13:22.500000Z")
    stock.die(connection, stock.enqueue(connection, "files", "j0"), ttl=-1)
    connection.hset(keys.job("j0"), "ended_at", "2023-11-14T22:13:20.500000Z")
    note = json.dumps({"reason": "it died", "at": 1_700_000_003_500, "by": "w", "recoveries": 3})
    connection.hset(keys.quarantine("mail"), "j3", note)
    ids = ["j0", "j1", "j2", "j3", "j4"]
    if newest:
        ids.reverse()
    for offset in range(6):
        page = dead_letters.page(connection, ["mail", "files"], limit=2, offset=offset, newest_first=newest)
        assert [letter.id for letter in page.letters] == ids[offset : offset + 2]
        assert page.total == 5
    assert [letter.id for letter in dead_letters.oldest(connection, ["mail", "files"], 3)] == ["j0", "j1", "j2"]


def test_many_letters_are_ordered_by_registry_and_index(connection: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dead_letters, "MAX_SORTED_LETTERS", 10)
    with connection.pipeline() as pipe:
        for n in range(100):
            pipe.hset(keys.job(f"s{n}"), "ended_at", f"2026-01-01T00:{n // 60:02}:{n % 60:02}.000000Z")
            pipe.zadd(keys.failed("stock"), {f"s{n}": 1_800_000_000 + n})
            pipe.zadd(keys.failed("ours"), {f"o{n}": -1})
            pipe.hset(keys.causes("ours"), f"cause{n % 3}", "{}")
            pipe.zadd(keys.cause("ours", f"cause{n % 3}"), {f"o{n}": 1_700_000_000_000 + n})
        pipe.execute()
    for queue, letter in (("stock", "s"), ("ours", "o")):
        assert [x.id for x in listed(connection, queue, limit=15)] == [f"{letter}{n}" for n in range(99, 84, -1)]
        oldest = listed(connection, queue, limit=3, newest=False, offset=2)
        assert [x.id for x in oldest] == [f"{letter}{n}" for n in range(2, 5)]


def test_letter_removed_by_stock_tool_is_not_listed(connection: Redis) -> None:
    add_dead_letter(connection, "mail", "a", 1_700_000_000)
    add_dead_letter(connection, "mail", "b", 1_700_000_001)
    connection.zrem(keys.failed("mail"), "a")
    assert [letter.id for letter in listed(connection, "mail")] == ["b"]


@pytest.mark.parametrize("damage", ["gone", "text", "list", "garbage"])
def test_quarantined_jobs_with_any_damage_are_shown(connection: Redis, damage: str) -> None:
    if damage == "text":
        connection.set(keys.job("q"), "text")
        connection.set(keys.results("q"), "text")
    elif damage == "list":
        connection.rpush(keys.job("q"), "x")
    elif damage == "garbage":
        fields = ("data", "description", "created_at", "exc_info", "retries_left", "retry_intervals", "meta")
        connection.hset(keys.job("q"), mapping=dict.fromkeys(fields, b"\xff\x00\x80["))
    note = {"reason": "its worker died 3 times", "at": 1_700_000_000_000, "by": "w", "recoveries": 3}
    connection.hset(keys.quarantine("mail"), "q", json.dumps(note))
    (letter,) = listed(connection, "mail")
    assert (letter.kind, letter.error, letter.attempts) == ("quarantined", "its worker died 3 times", 3)
    assert letter.died_at is not None
    detail = dead_letters.show(connection, dead_letters.find(connection, ["q"], ["mail"])["q"])
    assert detail.payload is None
    assert detail.traceback


@pytest.mark.parametrize("note", ["", "{}", "[]", "nil", '{"at": 1e999, "reason": 1, "recoveries": []}', "\xff"])
def test_damaged_note_hides_no_letter(connection: Redis, note: str) -> None:
    connection.hset(keys.quarantine("mail"), "q", note)
    (letter,) = listed(connection, "mail")
    assert (letter.id, letter.died_at) == ("q", None)
    assert "cannot be read" in letter.error


@pytest.mark.parametrize("key", [keys.failed, keys.quarantine, keys.causes])
def test_registry_of_wrong_type_hides_no_other(connection: Redis, key: object) -> None:
    assert callable(key)
    add_dead_letter(connection, "good", "g", 1_700_000_000)
    connection.set(key("bad"), "text")
    queues = ["bad", "good"]
    assert [letter.id for letter in listed(connection, *queues)] == ["g"]
    assert dead_letters.count(connection, queues) == 1
    assert list(dead_letters.find(connection, ["g", "x"], queues)) == ["g"]


def test_large_payload_is_not_read_for_a_list(connection: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    stock.die(connection, stock.enqueue(connection, "mail", "small", "x", json=True, description="said"))
    stock.die(connection, stock.enqueue(connection, "mail", "large", "x", json=True, description="said"))
    connection.hset(keys.job("large"), "data", b"\x00" * (dead_letters.MAX_PAYLOAD_BYTES + 1))
    read: list[str] = []
    hget = Pipeline.hget

    def record_read(self: Pipeline, name: str, key: str) -> object:
        read.append(name)
        return hget(self, name, key)

    monkeypatch.setattr(Pipeline, "hget", record_read)
    functions = {letter.id: letter.function for letter in listed(connection, "mail")}
    assert functions == {"small": "app.tasks.send", "large": "said"}
    assert read.count(keys.job("large")) < read.count(keys.job("small"))


def test_attempts_are_counted_as_far_as_known(connection: Redis) -> None:
    for job_id, left, delays, runs in (
        ("plain", None, None, 1),
        ("retried", 0, "[2, 4, 8]", 4),
        ("once", 2, "[2, 4, 8]", 2),
        ("unknown", 0, "[5]", None),
        ("damaged", 0, "{", None),
    ):
        job = stock.enqueue(connection, "mail", job_id)
        stock.die(connection, job)
        if left is not None:
            connection.hset(keys.job(job_id), mapping={"retries_left": left, "retry_intervals": delays})
        assert {letter.id: letter.attempts for letter in listed(connection, "mail")}[job_id] == runs
    Result.create_failure(job, -1, exc_string="again")
    connection.hdel(keys.job("damaged"), "retries_left")
    assert {letter.id: letter.attempts for letter in listed(connection, "mail")}["damaged"] == 2


def test_letters_with_ids_that_are_not_utf8_are_read(connection: Redis) -> None:
    queue, job_id = "q\udcff\n", "j\udc80\x1b[2J"
    connection.zadd(keys.failed(queue), {job_id: time.time() + 60})
    connection.hset(keys.job(job_id), "description", b"\xff(1)")
    (letter,) = listed(connection, queue)
    assert (letter.id, letter.queue, letter.function) == (job_id, queue, "\udcff")
    assert dead_letters.find(connection, [job_id], [queue])[job_id].id == job_id


def test_letters_are_found_page_by_page(connection: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dead_letters, "IDS_PER_READ", 7)
    connection.zadd(keys.failed("mail"), {f"d{n}": n for n in range(40)})
    connection.hset(keys.quarantine("mail"), mapping={f"q{n}": "{}" for n in range(40)})
    ids = [f"{kind}{n}" for kind in "dq" for n in range(40)]
    locations = dead_letters.find(connection, [*ids, "x"], ["mail"])
    assert list(locations) == ids
    assert {location.state for location in locations.values()} == set(DEAD_STATES)
