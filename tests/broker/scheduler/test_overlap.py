"""Policies of schedules: runs that overlap, failed runs, skipped runs, past spans, and functions of applications."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

import pytest
from redis import Redis

from qctl.broker.bookkeeping import events
from qctl.broker.redis import keys
from qctl.broker.scheduler import schedules
from qctl.broker.scheduler.cron import NEVER_DUE, CronScheduler
from qctl.errors import NotFoundError, RefusedError, UsageError
from qctl.models import Schedule
from qctl.settings import Settings

TEN = int(datetime(2026, 5, 5, 10, tzinfo=timezone.utc).timestamp())
HOUR = 3600


class Site:
    """A schedule that is due every hour, and schedulers with a clock that is set."""

    def __init__(self, connection: Redis, settings: Settings) -> None:
        self.connection = connection
        self.settings = settings

    def add(self, job: str = "stock-check", data: Any = None, **options: Any) -> Schedule:
        schedule = schedules.add(
            self.connection, self.settings, "mine", job, data, cron="0 * * * *", zone="UTC", actor="me", **options
        )
        self.connection.zadd(keys.SCHEDULES, {"mine": TEN})
        return schedule

    def tick(self, at: int) -> list[str]:
        return CronScheduler(self.connection, lambda: at).enqueue_jobs()

    def end(self, job_id: str, status: str) -> None:
        self.connection.hset(keys.job(job_id), "status", status)

    @property
    def due(self) -> float | None:
        return self.connection.zscore(keys.SCHEDULES, "mine")


@pytest.fixture
def site(connection: Redis, make_settings: Callable[..., Settings]) -> Site:
    return Site(connection, make_settings(QCTL_ALLOWED_JOBS="support.jobs.*"))


@pytest.mark.parametrize("status", ["queued", "started", "scheduled"])
def test_skip_drops_runs_while_the_last_one_has_not_ended(site: Site, status: str) -> None:
    site.add(overlap="skip")
    (first,) = site.tick(TEN)
    site.end(first, status)
    assert site.tick(TEN + HOUR) == []
    assert site.due == TEN + 2 * HOUR
    skipped = [event for event in events.newest(site.connection, 10) if event.event == "skipped"]
    assert [event.fields["reason"] for event in skipped] == ["the last run has not ended; overlap policy skip"]
    assert schedules.get_schedule(site.connection, "mine").missed == 0
    site.end(first, "finished")
    assert len(site.tick(TEN + 2 * HOUR)) == 1


def test_one_lets_a_single_run_wait_for_the_end_of_the_last(site: Site) -> None:
    site.add(overlap="one")
    (first,) = site.tick(TEN)
    site.end(first, "started")
    for at in (TEN + HOUR, TEN + HOUR + 1, TEN + 3 * HOUR):
        assert site.tick(at) == []
    site.end(first, "finished")
    assert len(site.tick(TEN + 3 * HOUR + 2)) == 1
    assert site.due == TEN + 4 * HOUR


def test_allow_starts_a_run_beside_the_last(site: Site) -> None:
    site.add()
    site.tick(TEN)
    assert len(site.tick(TEN + HOUR)) == 1


def test_a_failed_run_pauses_the_schedule_until_it_is_resumed(site: Site) -> None:
    site.add(pause_on_failure=True)
    (first,) = site.tick(TEN)
    site.end(first, "failed")
    assert site.tick(TEN + HOUR) == []
    schedule = schedules.get_schedule(site.connection, "mine")
    assert site.due == NEVER_DUE
    assert schedule.problem == f"its last run failed, job {first}; it pauses on failure"
    schedules.resume(site.connection, "mine", actor="me")
    site.connection.zadd(keys.SCHEDULES, {"mine": TEN + 2 * HOUR})
    assert len(site.tick(TEN + 2 * HOUR)) == 1


def test_the_next_run_is_skipped_once(site: Site) -> None:
    site.add()
    assert schedules.skip(site.connection, "mine", actor="me").next_at == datetime(2026, 5, 5, 11, tzinfo=timezone.utc)
    assert site.tick(TEN) == []
    assert len(site.tick(TEN + HOUR)) == 1
    schedules.pause(site.connection, "mine", actor="me")
    with pytest.raises(RefusedError, match="it has no next run"):
        schedules.skip(site.connection, "mine", actor="me")


def test_a_past_span_is_enqueued_once(site: Site) -> None:
    site.add()
    (known,) = site.tick(TEN)
    times = schedules.backfill_times(site.connection, "mine", TEN - 3 * HOUR, TEN + 1)
    assert times == [TEN - 3 * HOUR, TEN - 2 * HOUR, TEN - HOUR, TEN]
    created = schedules.backfill(site.connection, "mine", times, actor="me")
    assert len(created) == 3
    assert known not in created
    assert schedules.backfill(site.connection, "mine", times, actor="me") == []
    with pytest.raises(UsageError, match="the span is empty"):
        schedules.backfill_times(site.connection, "mine", TEN, TEN)
    with pytest.raises(UsageError, match="more than 1000 runs"):
        schedules.backfill_times(site.connection, "mine", TEN - 1001 * HOUR, TEN)


def test_an_allowed_function_is_scheduled_in_its_queue(site: Site) -> None:
    site.add("support.jobs.give", {"value": 5}, queue="mine", overlap="skip")
    (job_id,) = site.tick(TEN)
    assert site.connection.lrange(keys.queue("mine"), 0, -1) == [job_id.encode()]
    schedule = schedules.get_schedule(site.connection, "mine")
    assert (schedule.job, schedule.queue, schedule.overlap) == ("support.jobs.give", "mine", "skip")
    with pytest.raises(NotFoundError, match="not in the catalog"):
        site.add("os.system", replacing=True)
    with pytest.raises(UsageError, match="runs in queue"):
        site.add("stock-check", queue="mine", replacing=True)
    with pytest.raises(UsageError, match="overlap policy"):
        site.add(overlap="sometimes", replacing=True)
