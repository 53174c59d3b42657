"""The page Ingest: topics with their trend, rejects by cause, and the lag of the last hour."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from cli.fake_ingest import HALL, MESSAGES, READINGS
from qctl.errors import NotFoundError
from qctl.models import Series, Step, Topics
from tui.driving import Driver, drive
from tui.fake import MonitorOps


def hour() -> Series:
    """The last hour up to the running minute, in which nothing was measured."""
    last = datetime.now(timezone.utc).replace(second=0, microsecond=0)
    return Series(["sensor-data"], 60.0, [Step(last - timedelta(minutes=60 - n)) for n in range(62)])


@pytest.mark.parametrize(("size", "has_plot"), [((80, 24), False), ((120, 40), True), ((200, 60), True)])
def test_topics_and_rejects_are_shown_and_the_plot_where_there_is_room(size: tuple[int, int], has_plot: bool) -> None:
    async def script(driver: Driver) -> None:
        await driver.press("7")
        await driver.until("sensors/hall")
        await driver.until("to 120")
        await driver.until("Rejected: it is not JSON")
        if has_plot:
            await driver.until("p99 wait of batches")
        assert ("lag (s)" in driver.text) == has_plot
        for grid in driver.app.query("IngestPage Grid"):
            assert grid.region.right <= size[0]

    drive(MonitorOps(), script, size=size)


def test_the_lag_that_was_seen_is_drawn_over_the_whole_hour() -> None:
    async def script(driver: Driver) -> None:
        await driver.press("7")
        await driver.until("lag seen here")
        assert "78." in driver.text  # the lag of 75 s, and the space above it
        assert "p99" not in driver.text

    drive(MonitorOps(metrics__series=lambda *_, **__: hour()), script, size=(120, 40))


def test_the_queues_of_used_pipelines_are_read_together() -> None:
    ops = MonitorOps(ingest__status=[READINGS, replace(MESSAGES, received=1)])

    async def script(driver: Driver) -> None:
        await driver.press("7")
        await driver.until("sensors/hall")

    drive(ops, script, size=(120, 40))
    assert (("sensor-data,socket-data",), {}) in ops.calls_of("dead_letters__groups")
    hour = ((("sensor-data,socket-data",),), {"seconds": 3600.0, "step": 60.0})
    assert hour in ops.calls_of("metrics__series")


def test_a_pipeline_without_a_queue_yet_shows_its_topics() -> None:
    gone = NotFoundError("queue 'sensor-data' not found")

    async def script(driver: Driver) -> None:
        await driver.press("7")
        await driver.until("sensors/hall")
        assert "No rejects" in driver.text
        await driver.until("lag seen here")

    drive(MonitorOps(dead_letters__groups=gone, metrics__series=gone), script, size=(120, 40))


def test_a_topic_that_is_quiet_for_longer_than_usual_is_marked() -> None:
    quiet = replace(HALL, usual_pause=5.0, silence=900.0, topic="quiet")
    loud = replace(HALL, usual_pause=5.0, silence=5.0, topic="loud")

    async def script(driver: Driver) -> None:
        await driver.press("7")
        await driver.until("loud")
        grid = driver.app.query_one("#topics")
        (seen,) = [column for column in grid.columns if column.title == "SEEN"]  # type: ignore[attr-defined]
        assert [seen.cell(topic).style for topic in (quiet, loud)] == ["warn", ""]

    drive(MonitorOps(ingest__topics=lambda **_: Topics([quiet, loud], 90, 90)), script, size=(120, 40))


def test_enter_leads_from_a_cause_to_its_dead_letters_and_shows_a_topic_in_full() -> None:
    async def script(driver: Driver) -> None:
        await driver.press("7")
        await driver.until("it is not JSON")
        driver.app.query_one("#topics").focus()
        await driver.press("enter")
        await driver.until("received")
        await driver.press("escape", "tab")
        assert driver.app.focused is driver.app.query_one("#rejects")
        await driver.press("enter")
        await driver.until("[4 Dead letters]")
        assert driver.app._page.selector.queue == "sensor-data"

    drive(MonitorOps(), script, size=(120, 40))
