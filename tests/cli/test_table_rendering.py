"""Tables on terminals of any width."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from cli.fake import LETTER, NOW, pause_of
from qctl import view
from qctl.cli.table_rendering import render
from qctl.models import QueueStats


def lines(table: view.Table, width: int) -> list[str]:  # type: ignore[type-arg]
    return [line.plain for line in render(table, Console(width=width, color_system=None))]


def queues(*rows: QueueStats) -> view.Table[QueueStats]:
    return view.Table(view.queue_columns(NOW), rows, "none")


BUSY = QueueStats("sensor-data", 99_999, 10, 5, 0, 3, 12_345, 7_260.0, 123.4, 120.0, None, 12)
PAUSED = QueueStats("email", waiting=4, paused=pause_of("email").pause)


def test_80_columns_show_what_says_that_a_queue_is_in_trouble() -> None:
    header, row = lines(queues(replace(BUSY, recent_finished=65, recent_failed=35)), 80)
    shown = dict(zip(header.split(), row.split(), strict=True))
    assert [shown[name] for name in ("QUEUE", "WAITING", "RUNNING", "DEAD", "OLDEST")] == (
        ["sensor-data", "99999", "10", "3", "2h1m"]
    )
    assert [shown[name] for name in ("ERRORS", "OUT/S", "WORKERS")] == ["35%", "120", "12"]
    assert "ETA" in shown


def test_errors_and_eta_are_removed_after_all_other_counts() -> None:
    header = lines(queues(BUSY), 40)[0].split()
    assert header == ["QUEUE", "WAITING", "DEAD", "ETA", "ERRORS"]


def test_new_dead_letters_are_shown_by_the_minute() -> None:
    header, row = lines(queues(replace(BUSY, dead_rate=0.2)), 120)
    shown = dict(zip(header.split()[:-1], row.split(), strict=False))
    assert (shown["DEAD"], shown["NEW/MIN"]) == ("3", "12")


def test_long_state_goes_under_its_row_if_there_is_no_room_beside_it() -> None:
    narrow = lines(queues(PAUSED, BUSY), 80)
    assert narrow[2].startswith("  paused ")
    assert "STATE" not in narrow[0]
    wide = lines(queues(PAUSED, BUSY), 220)
    assert len(wide) == 3
    assert "paused 0s by ops@host: deploy" in wide[1]
    assert re.match(r"sensor-data +99999 ", wide[2])


def test_empty_long_column_is_omitted() -> None:
    assert "STATE" not in lines(queues(BUSY), 160)[0]


def test_id_is_not_truncated_at_80_columns() -> None:
    letter = replace(LETTER, id="6f1c0a52-93f1-4d0e-a0f5-0d3d8b7f4c11", kind="quarantined", function="a" * 60)
    table = view.Table(view.dead_letter_columns(NOW), [letter], "none")
    assert letter.id in lines(table, 80)[1]


@pytest.mark.parametrize(("width", "name"), [(30, "a-queue-with-a-name-o…"), (12, "a-q…")])
def test_truncated_name_ends_with_an_ellipsis(width: int, name: str) -> None:
    assert lines(queues(QueueStats("a-queue-with-a-name-of-forty-characters")), width)[1].startswith(name)


def test_truncated_function_keeps_its_end() -> None:
    column = view.Column[str]("F", lambda text: view.Cell(text), min_width=4, cut_start=True)
    assert lines(view.Table([column], ["app.jobs.send"], "none"), 8)[1] == "…bs.send"


NAMES = st.text(st.characters(codec="utf-8"), max_size=60)
ROWS = st.builds(
    QueueStats,
    name=NAMES,
    waiting=st.integers(0, 10**9),
    oldest_age=st.none() | st.floats(0, 1e9),
    in_rate=st.none() | st.floats(0, 1e6),
    error=st.none() | NAMES,
)


@given(st.lists(ROWS, min_size=1, max_size=4), st.integers(1, 200))
def test_no_line_is_wider_than_the_terminal(rows: list[QueueStats], width: int) -> None:
    rendered = lines(queues(*rows), width)
    assert len(rendered) > len(rows)
    assert max(cell_len(line) for line in rendered) <= width
