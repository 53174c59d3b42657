"""Humanised values, sentences and columns, and their escaping."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qctl import view
from qctl.models import DeadLetter, Finding, Pause, QueueStats, Stats, Totals, TrashBatch, WorkerInfo

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=timezone.utc)
HOSTILE = "\x1b]0;owned\x07\x9b31m\u202e\n\t[/b]"
UNSAFE_CHARACTERS = set("\x1b\x07\x9b\u202e\n\t")


@pytest.mark.parametrize(
    ("number", "shown"),
    [(0, "0"), (99_999, "99999"), (100_000, "100k"), (999_949, "1.0M"), (1_234_567, "1.2M"), (2_000_000_000, "2.0G")],
)
def test_count_has_at_most_five_characters(number: int, shown: str) -> None:
    assert view.count(number) == shown


def test_quantity_has_a_plural() -> None:
    assert (view.quantity(1, "job"), view.quantity(0, "job"), view.quantity(1_234_567, "job")) == (
        ("1 job", "0 jobs", "1234567 jobs")
    )


@given(st.integers(0, 10**11))
def test_count_is_within_six_percent(number: int) -> None:
    shown = view.count(number)
    assert len(shown) <= 5
    value = float(shown.rstrip("kMG")) * {"k": 1e3, "M": 1e6, "G": 1e9}.get(shown[-1], 1)
    assert value == pytest.approx(number, rel=0.06)


@pytest.mark.parametrize(
    ("per_second", "shown"), [(None, "-"), (0, "0"), (0.01, "<0.1"), (1.24, "1.2"), (9.96, "10"), (12_345.6, "12346")]
)
def test_rate_is_rounded(per_second: float | None, shown: str) -> None:
    assert view.rate(per_second) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (None, "-"),
        (0, "0s"),
        (0.04, "0s"),
        (0.42, "0.4s"),
        (0.97, "1s"),
        (59.6, "1m"),
        (95, "1m35s"),
        (7_260, "2h1m"),
        (86_400, "1d"),
        (277_200, "3d5h"),
        (-3, "0s"),
    ],
)
def test_duration_has_two_units(seconds: float | None, shown: str) -> None:
    assert view.duration(seconds) == shown


def test_age_is_never_negative() -> None:
    assert view.age(NOW + timedelta(hours=1), NOW) == "0s"
    assert view.age(None, NOW) == "-"


def test_local_time_has_a_date_unless_today() -> None:
    today = NOW.astimezone().replace(hour=14, minute=5)
    assert view.local_time(today, NOW) == "14:05"
    assert view.local_time(today + timedelta(days=2), NOW) == f"{today + timedelta(days=2):%Y-%m-%d} 14:05"


@pytest.mark.parametrize(("number", "shown"), [(812, "812 B"), (1_234, "1.2 KB"), (3_400_000, "3.4 MB")])
def test_size_has_a_unit(number: int, shown: str) -> None:
    assert view.size(number) == shown


def test_pause_has_actor_reason_and_end() -> None:
    until = NOW + timedelta(minutes=25)
    pause = Pause("email", "ops@host", NOW - timedelta(minutes=5), "deploy", until)
    assert view.pause_text(pause, NOW) == f"paused 5m by ops@host: deploy, until {until.astimezone():%H:%M}"
    assert view.pause_text(Pause("email", "ops@host", NOW, ""), NOW) == "paused 0s by ops@host"
    assert view.pause_text(pause, NOW, "email.high") == "paused with email"


@pytest.mark.parametrize(
    ("queue", "text", "style"),
    [
        (QueueStats("q"), "", ""),
        (QueueStats("q", waiting=1, workers=1), "", ""),
        (QueueStats("q", waiting=1), "no worker", "warn"),
        (QueueStats("q", waiting=1, paused=Pause("q", "me", NOW, "")), "paused 0s by me", "warn"),
        (QueueStats("q", error="wrong type"), "cannot be read: wrong type", "bad"),
    ],
)
def test_queue_state_shows_pause_error_or_missing_workers(queue: QueueStats, text: str, style: str) -> None:
    assert view.queue_state(queue, NOW) == view.Cell(text, style)  # type: ignore[arg-type]


def test_unreadable_queue_has_no_numbers() -> None:
    shown = {column.title: column.cell(QueueStats("q", error="wrong type")).text for column in view.queue_columns(NOW)}
    assert {shown[title] for title in ("WAITING", "RUNNING", "SCHED", "DEFER", "DEAD", "FINISHED")} == {"?"}


def test_totals_are_exact() -> None:
    stats = Stats(NOW, [], Totals(1_000_001, 2, 3, 4, 1_000_010))
    assert "pending 1000001 " in view.totals_line(stats)


ROWS = [
    (view.queue_columns(NOW), QueueStats(HOSTILE, paused=Pause(HOSTILE, HOSTILE, NOW, HOSTILE))),
    (view.queue_columns(NOW), QueueStats(HOSTILE, error=HOSTILE)),
    (view.dead_letter_columns(NOW), DeadLetter(HOSTILE, HOSTILE, "dead", HOSTILE, HOSTILE, None)),
    (view.trash_columns(NOW), TrashBatch(HOSTILE, HOSTILE, HOSTILE, HOSTILE, NOW, NOW, 1)),
    (view.worker_columns(NOW), WorkerInfo(HOSTILE, [HOSTILE], HOSTILE, HOSTILE, 1, HOSTILE, None, False)),
    (view.finding_columns(), Finding(HOSTILE, "down", HOSTILE, HOSTILE)),
]


@pytest.mark.parametrize(("columns", "row"), ROWS)
def test_cells_are_escaped(columns: list[view.Column[object]], row: object) -> None:
    texts = [column.cell(row).text for column in columns]
    assert not UNSAFE_CHARACTERS & set("".join(texts))
    assert r"\x1b" in "".join(texts)
