"""How columns and texts are made to fit: tables that are printed and grids of the monitor ask the same functions."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from qctl.safe import escape_line
from qctl.view import Cell, Column, fitting

NAMES = Column[str]("NAME", lambda _: Cell(""), least=10)
COUNTS = [Column[str](f"C{n}", lambda _: Cell(""), drop=n) for n in range(4)]


def placed(room: int) -> list[tuple[str, int]]:
    found = fitting.fit([NAMES, *COUNTS], [20, 5, 5, 5, 5], room, 1)
    return [(each.column.title, each.width) for each in found]


def test_what_may_be_cut_is_cut_before_a_column_goes_and_the_highest_goes_first() -> None:
    assert placed(44) == [("NAME", 20), ("C0", 5), ("C1", 5), ("C2", 5), ("C3", 5)]
    assert placed(34) == [("NAME", 10), ("C0", 5), ("C1", 5), ("C2", 5), ("C3", 5)]
    assert placed(33) == [("NAME", 15), ("C0", 5), ("C1", 5), ("C2", 5)]
    assert placed(12) == [("NAME", 6), ("C0", 5)]
    assert placed(1) == [("NAME", fitting.LEAST), ("C0", 5)]


@given(st.text(), st.integers(0, 20), st.booleans(), st.booleans())
def test_a_text_is_cut_to_exactly_its_width(text: str, width: int, right: bool, start: bool) -> None:
    shown = fitting.cut(escape_line(text), width, right=right, start=start)
    assert cell_len(shown) == width
    assert shown.strip() == escape_line(text).strip() or "…" in shown or not width
