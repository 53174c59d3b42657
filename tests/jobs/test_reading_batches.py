"""Test the jobs of `sensor-data` as in a worker process: settings from the environment, real sinks, real Redis."""

from __future__ import annotations

import base64
import multiprocessing
import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest
from redis import Redis
from rq.serializers import JSONSerializer

from contract.readings import reading, readings
from qctl.broker.redis import keys
from qctl.broker.worker.guarded_job import GuardedJob
from qctl.errors import RejectedError, SinkUnavailableError
from qctl.jobs import reading_batches as jobs
from qctl.settings import Settings
from support.ingest import reason
from support.process import free_port
from support.servers import VictoriaMetrics
from support.waiting import PATIENCE_SECONDS, eventually


def stored(settings: Settings) -> list[Any]:
    """Topic and fields of the readings in the SQLite file, in order."""
    with closing(sqlite3.connect(settings.database)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return db.execute("SELECT topic, fields FROM readings ORDER BY rowid").fetchall()


def letters(connection: Redis) -> list[GuardedJob]:
    """The dead letters of `sensor-data`."""
    ids = [entry.decode() for entry in connection.zrange(keys.failed("sensor-data"), 0, -1)]
    return [GuardedJob.fetch(i, connection=connection, serializer=JSONSerializer) for i in ids]


def test_batch_goes_to_sqlite_by_default(settings: Settings) -> None:
    assert jobs.write_readings(readings("a", 3)) == {"written": 3, "refused": 0}
    assert jobs.write_readings(readings("a", 4)) == {"written": 4, "refused": 0}
    assert len(stored(settings)) == 4


def test_batch_goes_to_influxdb_if_its_url_is_set(
    settings: Settings, victoria: VictoriaMetrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"INFLUX_URL": victoria.url, "INFLUX_TOKEN": "t", "ORG": "o", "BUCKET": "b"}.items():
        monkeypatch.setenv(name, value)
    assert jobs.write_readings(readings("from-a-job", 3)) == {"written": 3, "refused": 0}
    assert eventually(lambda: victoria.series('{__name__="sensors_humidity",device="from-a-job"}'))
    assert not settings.database.exists()


def test_rejected_row_is_a_dead_letter_and_the_rest_is_written(settings: Settings, connection: Redis) -> None:
    jobs.write_readings([reading("a", 0, value=1)])
    other = reading("a", 0, value=2)
    for _ in range(2):
        assert jobs.write_readings([reading("a", 1), other, reading("a", 2)]) == {"written": 2, "refused": 1}
    (letter,) = letters(connection)
    assert letter.args == [[other]]
    assert "stored already" in reason(letter)
    assert connection.hget(keys.ingest("readings"), "rejected") == b"1"
    assert len(stored(settings)) == 3


def test_resent_reading_is_the_same_dead_letter(connection: Redis) -> None:
    jobs.write_readings([reading("a", 0, value=1)])
    for moment in (1, 2):
        jobs.write_readings([reading("a", 1), {**reading("a", 0, value=2), "received_ns": moment}])
    assert len(letters(connection)) == 1


def test_dead_letter_is_written_once_its_cause_is_fixed(settings: Settings, connection: Redis) -> None:
    jobs.write_readings([reading("a", 0, value=1)])
    jobs.write_readings([reading("a", 1), reading("a", 0, value=2)])
    (letter,) = letters(connection)
    with pytest.raises(RejectedError, match="stored already"):
        letter.perform()
    assert len(letters(connection)) == 1
    with closing(sqlite3.connect(settings.database)) as db:
        db.execute("DELETE FROM readings WHERE fields = ?", ('{"value":1}',))
        db.commit()
    assert letter.perform() == {"written": 1, "refused": 0}
    assert ("sensors/a", '{"value":2}') in stored(settings)


@pytest.mark.parametrize("bad", [None, "text", {}, {"topic": "t", "fields": {"\ud800": "\u202e"}}], ids=ascii)
def test_item_that_is_no_reading_is_a_dead_letter(settings: Settings, connection: Redis, bad: Any) -> None:
    assert jobs.write_readings([reading("a", 0), bad]) == {"written": 1, "refused": 1}
    (letter,) = letters(connection)
    assert letter.args == [[bad]]


def test_batch_waits_if_dead_letters_cannot_be_stored(
    settings: Settings, connection: Redis, monkeypatch: pytest.MonkeyPatch, new_process: Callable[[], None]
) -> None:
    monkeypatch.setenv("REDIS_URL", f"redis://127.0.0.1:{free_port()}/0")
    with pytest.raises(SinkUnavailableError, match="dead letters"):
        jobs.write_readings([reading("a", 0), {}])
    monkeypatch.setenv("REDIS_URL", settings.redis_target)
    new_process()
    assert jobs.write_readings([reading("a", 0), {}]) == {"written": 1, "refused": 1}
    assert len(letters(connection)) == len(stored(settings)) == 1


def test_forked_child_opens_its_own_sink(settings: Settings) -> None:
    jobs.write_readings([reading("parent", 0)])
    child = multiprocessing.get_context("fork").Process(target=jobs.write_readings, args=(readings("child", 2),))
    child.start()
    child.join(PATIENCE_SECONDS)
    assert child.exitcode == 0
    jobs.write_readings([reading("parent", 1)])
    assert [topic for topic, _ in stored(settings)] == [f"sensors/{n}" for n in ("parent", "child", "child", "parent")]


def test_sink_is_reopened_after_an_error(settings: Settings) -> None:
    jobs.write_readings([reading("a", 0)])
    settings.database.unlink()
    with pytest.raises(SinkUnavailableError):
        jobs.write_readings([reading("a", 1)])
    jobs.write_readings([reading("a", 1)])
    assert len(stored(settings)) == 1


def test_raw_message_is_parsed_and_written(settings: Settings) -> None:
    payload = base64.b64encode(b'{"temperature":21.5}').decode()
    assert jobs.ingest_reading("sensors/attic", payload, 1_700_000_000_000_000_000) == {"written": 1, "refused": 0}
    assert stored(settings) == [("sensors/attic", '{"temperature":21.5}')]


@pytest.mark.parametrize("payload", ["eyBub25zZW5zZQ==", "not base64", "ü"])
def test_unparsable_raw_message_is_rejected(settings: Settings, payload: str) -> None:
    with pytest.raises(RejectedError):
        jobs.ingest_reading("sensors/attic", payload, 1)
    assert not settings.database.exists()


@pytest.mark.parametrize("payload", ["e30=", "", "b25saW5l"])
def test_raw_message_that_is_no_reading_by_intent_is_done(settings: Settings, payload: str) -> None:
    assert jobs.ingest_reading("sensors/attic", payload, 1) == {"written": 0, "refused": 0}


def test_dead_letters_with_one_cause_are_one_group(connection: Redis) -> None:
    for topic in ("a", "it's", "b: c"):
        jobs.write_readings([reading(topic, n, value=1) for n in range(2)])
        jobs.write_readings([reading(topic, n, value=2) for n in range(2)])
    assert len(letters(connection)) == 6
    assert connection.hlen(keys.causes("sensor-data")) == 1
