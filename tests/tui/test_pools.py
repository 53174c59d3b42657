"""Pools on the Workers screen, and the key that scales them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from cli.fake_operating import POOL, WORKER
from qctl.models import PoolSize, Selector
from tui.driving import Driver, drive
from tui.fake import MonitorOps

LONE = replace(WORKER, name="w2", host="box", queues=["email"], current_job=None, state="idle")
"""A worker that may be a process of the pool."""


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_pools_are_listed_with_their_sizes(size: tuple[int, int]) -> None:
    async def script(driver: Driver) -> None:
        await driver.press("6")
        await driver.until("1..4")
        assert "Pools" in driver.text
        assert "w1" in driver.text
        assert "scheduler" in driver.text

    drive(MonitorOps(), script, size=size)


def test_a_site_without_pools_has_no_empty_panel() -> None:
    async def script(driver: Driver) -> None:
        await driver.press("6")
        await driver.until("w1")
        assert "Pools" not in driver.text

    drive(MonitorOps(pools__list=[]), script)


def test_the_workers_of_a_queue_are_shown_with_its_pools_alone() -> None:
    others = replace(POOL, name="slow", queues=("report.high", "report"), reason="load 0.90")

    async def script(driver: Driver) -> None:
        await driver.press("6")
        await driver.until("load 0.40")
        driver.app.go_to("6", Selector(queue="report"))
        await driver.until(lambda: "load 0.40" not in driver.text)
        assert "load 0.90" in driver.text

    drive(MonitorOps(pools__list=[POOL, others]), script, size=(160, 40))


@pytest.mark.parametrize("focus", ["tab", ""])
def test_plus_scales_the_pool_of_the_row_and_undoes_it(focus: str) -> None:
    ops = MonitorOps(workers__list=[LONE])

    async def script(driver: Driver) -> None:
        await driver.press("6")
        await driver.until("1..4")
        await driver.press(*filter(None, [focus]), "plus")
        await driver.until("Scale email on box")
        await driver.press(*["backspace"] * 4, "3")
        await driver.until("qctl worker scale email 3 --host box")
        await driver.press("enter")
        await driver.until("done: email has 2 workers")
        assert ops.calls_of("pools__scale")[-1][0][:2] == ("email", PoolSize(3, 3))
        await driver.press("U")
        await driver.until("qctl worker scale email 1..4 --host box")

    drive(ops, script, size=(120, 40))


def test_a_size_that_is_none_is_refused_in_the_dialog() -> None:
    async def script(driver: Driver) -> None:
        await driver.press("6")
        await driver.until("1..4")
        await driver.press("tab", "plus")
        await driver.until("Scale email on box")
        await driver.press(*["backspace"] * 4, "x", "enter")
        await driver.until("'x' is not a number of processes")

    ops: Any = MonitorOps()
    drive(ops, script)
    assert not ops.calls_of("pools__scale")
