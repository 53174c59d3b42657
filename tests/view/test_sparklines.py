"""Filled graphs: gaps, zeros and scales."""

from __future__ import annotations

from qctl.view.sparklines import filled_graph


def test_a_gap_is_blank_and_a_zero_has_a_dot() -> None:
    assert filled_graph([None, None, 0.0, 0.0, 4.0, 4.0], 3, 1) == [" ⣀⣿"]


def test_the_scale_is_the_largest_value_or_the_given_one() -> None:
    assert filled_graph([1.0, 2.0], 1, 1) == ["⣼"]
    assert filled_graph([1.0, 2.0], 1, 1, highest=4.0) == ["⣠"]


def test_lines_are_filled_from_the_bottom() -> None:
    assert filled_graph([1.0, 8.0], 1, 2, highest=8.0) == ["⢸", "⣸"]


def test_values_spread_over_the_width() -> None:
    assert filled_graph([0.0, 9.0], 2, 1) == ["⣀⣿"]
    assert filled_graph([], 2, 1) == ["  "]
    assert filled_graph([1.0], 0, 1) == [""]
