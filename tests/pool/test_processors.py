"""The number of processors that a process may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from qctl import processors
from qctl.models import PoolSize


@pytest.mark.parametrize("text", ["max 100000", "", "x y", "100000 0"])
def test_without_a_limit_it_is_what_the_kernel_allows(tmp_path: Path, text: str) -> None:
    file = tmp_path / "cpu.max"
    file.write_text(text)
    assert processors.available(file) == len(os.sched_getaffinity(0))
    assert processors.available(tmp_path / "none") == len(os.sched_getaffinity(0))


def test_a_control_group_may_allow_less_but_never_none(tmp_path: Path) -> None:
    file = tmp_path / "cpu.max"
    file.write_text("5000 100000\n")
    assert processors.available(file) == 1


@pytest.mark.parametrize(
    ("text", "bounds"), [("3", (3, 3)), ("auto", (2, 2)), ("1..4", (1, 4)), ("0..auto", (0, 2)), ("AUTO..5", (2, 5))]
)
def test_sizes_are_read_as_they_are_written(text: str, bounds: tuple[int, int]) -> None:
    size = PoolSize.parse(text)
    assert size.bounds(2) == bounds
    assert PoolSize.parse(size.text) == size


@pytest.mark.parametrize("text", ["", "-1", "4..1", "1..", "..4", "65", "1..65", "x", "1.5", "auto..0", "٣"])
def test_other_sizes_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        PoolSize.parse(text)
