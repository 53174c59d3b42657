"""Plots over time: one axis for the whole period, and gaps where nothing was measured."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

from qctl.models import Step
from qctl.view.plots import of_complete, plot

BEGIN = datetime(2026, 11, 24, 12, 0, tzinfo=timezone.utc)


def steps(*depths: float | None) -> list[Step]:
    return [Step(BEGIN + timedelta(minutes=n), depth=depth) for n, depth in enumerate(depths)]  # type: ignore[arg-type]


def columns(measured: list[Step]) -> list[int]:
    """Draw the depth, and return the columns of the canvas, from 0, that hold a point."""
    text = plot("depth", measured, {"depth": lambda step: step.depth, "none": lambda _: None}, 60, 12)
    canvas = [line.partition("┤")[2] or line.partition("│")[2] for line in text.splitlines()]
    rows = [re.sub(r"\*\* \w+", lambda legend: " " * len(legend[0]), row) for row in canvas]
    return sorted({column for row in rows for column, letter in enumerate(row) if letter == "*"})


def width() -> int:
    """Width of the canvas: the column of the last step of a full plot."""
    return columns(steps(*[5.0] * 61))[-1]


def test_axis_covers_the_whole_period() -> None:
    found = columns(steps(*[None] * 30, *[5.0] * 11, *[None] * 20))
    assert found[0] >= 0.45 * width()
    assert found[-1] <= 0.70 * width()


def test_gap_is_not_bridged() -> None:
    found = columns(steps(*[5.0] * 21, *[None] * 20, *[5.0] * 20))
    gap = [column for column in range(width()) if column not in found]
    assert len(gap) >= 0.25 * width()
    assert found[0] <= 10  # the legend hides the first ones
    assert found[-1] == width()


def test_a_single_value_between_gaps_is_drawn() -> None:
    assert columns(steps(*[None] * 30, 5.0, *[None] * 30)) != []


def test_last_step_is_left_out_of_rates_and_keeps_its_place() -> None:
    measured = steps(*[5.0] * 60, 1.0)
    value = of_complete(measured, lambda step: step.depth)
    assert value(measured[-1]) is None
    assert value(measured[0]) == 5.0
