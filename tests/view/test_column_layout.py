"""Column layout, shared by printed tables and grids of the monitor."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from qctl.safe import escape_line
from qctl.view import Cell, Column, column_layout

NAMES = Column[str]("NAME", lambda _: Cell(""), min_width=10)
COUNTS = [Column[str](f"C{n}", lambda _: Cell(""), drop=n) for n in range(4)]


def layout(available: int) -> list[tuple[str, int]]:
    sized = column_layout.fit([NAMES, *COUNTS], [20, 5, 5, 5, 5], available, 1)
    return [(each.column.title, each.width) for each in sized]


def test_columns_shrink_before_the_highest_drop_is_removed() -> None:
    assert layout(44) == [("NAME", 20), ("C0", 5), ("C1", 5), ("C2", 5), ("C3", 5)]
    assert layout(34) == [("NAME", 10), ("C0", 5), ("C1", 5), ("C2", 5), ("C3", 5)]
    assert layout(33) == [("NAME", 15), ("C0", 5), ("C1", 5), ("C2", 5)]
    assert layout(12) == [("NAME", 6), ("C0", 5)]
    assert layout(1) == [("NAME", column_layout.MIN_COLUMN_WIDTH), ("C0", 5)]


def test_ids_are_cut_after_all_other_columns() -> None:
    ids = Column[str]("ID", lambda _: Cell(""), min_width=10, whole=True)
    for available, expected in ((40, [30, 9]), (36, [30, 5]), (25, [20, 4]), (9, [4, 4])):
        sized = column_layout.fit([ids, NAMES], [30, 20], available, 1)
        assert [column.width for column in sized] == expected


@given(st.text(), st.integers(0, 20), st.booleans(), st.booleans())
def test_text_is_truncated_to_exactly_its_width(text: str, width: int, right: bool, cut_start: bool) -> None:
    shown = column_layout.fit_text(escape_line(text), width, right=right, cut_start=cut_start)
    assert cell_len(shown) == width
    assert shown.strip() == escape_line(text).strip() or "…" in shown or not width
