"""Usual pauses: the longest of each day, of which one alone makes no habit."""

from __future__ import annotations

import pytest
from redis import Redis

from qctl.broker.ingest import pauses
from qctl.broker.redis import ingest_keys

MINUTE_OF_DAY_100 = 100 * 24 * 60


@pytest.mark.parametrize(
    ("entry", "usual"),
    [
        (b"19 100 5000 0 0 0 0 0 0", None),
        (b"20 100 5000 0 0 0 0 0 0", 5.0),
        (b"500 100 5000 9000 0 0 0 0 0", 9.0),
        (b"500 100 5000 9000 3600000 8000 0 0 0", 9.0),
        (b"500 100 7000000 9000 8000 0 0 0 0", 8.0),
        (b"500 100 1 2 3", None),
        (b"x y", None),
        (None, None),
    ],
)
def test_one_long_pause_makes_no_habit(entry: bytes | None, usual: float | None) -> None:
    assert pauses.usual_pause(entry) == usual


def test_pauses_between_runs_are_noted_once_and_by_day(connection: Redis) -> None:
    minute = MINUTE_OF_DAY_100
    for _ in range(pauses.MIN_PAUSES + 1):
        minute += 10
        for _ in range(2):
            usual = pauses.note_run(connection, "send", minute)
    assert usual == 600
    minute += 2 * 24 * 60
    assert pauses.note_run(connection, "send", minute) == 2 * 86_400
    entry = connection.hget(ingest_keys.JOB_PAUSES, "send")
    assert entry is not None
    assert entry.split()[:5] == [b"21", b"102", b"172800000", b"0", b"600000"]
    assert pauses.note_run(connection, "send", minute - 5) == 2 * 86_400


def test_pauses_of_only_so_many_jobs_are_kept(connection: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pauses, "MAX_JOBS", 3)
    for number in range(20):
        pauses.note_run(connection, f"job{number}", MINUTE_OF_DAY_100)
    assert connection.hlen(ingest_keys.JOB_PAUSES) <= 6
