"""Due times of schedules across clock changes, and after downtime."""

from __future__ import annotations

from datetime import datetime, timezone
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qctl.broker.scheduler.recurrence import (
    GRACE_SECONDS,
    MAX_CATCH_UP_RUNS,
    MAX_COUNTED_TIMES,
    Recurrence,
    RunPlan,
    plan_runs,
)
from qctl.errors import UsageError

BERLIN = "Europe/Berlin"
HOUR = 3600


def at(text: str, zone: str = "UTC") -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp())


def due_times(rule: Recurrence, start: int, end: int) -> list[str]:
    """Every due time between two moments, in UTC."""
    times, moment = [], start
    while (moment := rule.after(moment)) < end:
        times.append(datetime.fromtimestamp(moment, timezone.utc).strftime("%d %H:%M"))
    return times


SPRING = at("2026-03-28T12:00", BERLIN), at("2026-03-30T12:00", BERLIN)
"""On the 29th clocks jump from 02:00 to 03:00, at 01:00 UTC."""
AUTUMN = at("2026-10-24T12:00", BERLIN), at("2026-10-26T12:00", BERLIN)
"""On the 25th clocks go back from 03:00 to 02:00, at 01:00 UTC."""


def test_skipped_local_time_is_due_after_the_change() -> None:
    assert due_times(Recurrence("30 2 * * *", zone=BERLIN), *SPRING) == ["29 01:00", "30 00:30"]
    assert due_times(Recurrence("15 3 * * *", zone=BERLIN), *SPRING) == ["29 01:15", "30 01:15"]
    assert due_times(Recurrence("*/20 2 * * *", zone=BERLIN), *SPRING) == [
        "29 01:00",
        "30 00:00",
        "30 00:20",
        "30 00:40",
    ]


def test_repeated_local_time_is_due_the_first_time() -> None:
    assert due_times(Recurrence("30 2 * * *", zone=BERLIN), *AUTUMN) == ["25 00:30", "26 01:30"]
    assert due_times(Recurrence("*/20 2 * * *", zone=BERLIN), *AUTUMN) == [
        "25 00:00",
        "25 00:20",
        "25 00:40",
        "26 01:00",
        "26 01:20",
        "26 01:40",
    ]
    assert due_times(Recurrence("30 1,3 * * *", zone=BERLIN), *AUTUMN) == [
        "24 23:30",
        "25 02:30",
        "26 00:30",
        "26 02:30",
    ]


@pytest.mark.parametrize("span", [SPRING, AUTUMN])
@pytest.mark.parametrize(("cron", "step"), [("0 * * * *", HOUR), ("*/15 * * * *", 900), ("* * * * *", 60)])
def test_hourly_rule_continues_in_real_time(span: tuple[int, int], cron: str, step: int) -> None:
    rule, moment = Recurrence(cron, zone=BERLIN), span[0]
    while moment < span[1]:
        assert rule.after(moment) == moment + step
        assert rule.latest(span[0], moment + step - 1) == moment
        moment += step


def test_zone_determines_the_day() -> None:
    rule = Recurrence("0 0 1 * *", zone="Pacific/Auckland")
    assert rule.after(at("2026-06-15T00:00")) == at("2026-06-30T12:00")


def test_leap_day_is_found() -> None:
    assert Recurrence("0 0 29 2 *").after(at("2097-01-01T00:00")) == at("2104-02-29T00:00")


def test_interval_keeps_its_step() -> None:
    rule = Recurrence(every=90)
    assert rule.after(1000) == 1090
    assert rule.latest(1000, 1000 + 90 * 7 + 89) == 1000 + 90 * 7


EXPRESSIONS = st.sampled_from(
    [
        "*/15 * * * *",
        "0 * * * *",
        "30 2 * * *",
        "*/20 2 * * *",
        "0 0 * * 1",
        "59 23 28-31 * *",
        "5 4 * * sun",
        "0 */5 * * *",
    ]
)
ZONES = st.sampled_from(["UTC", BERLIN, "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca"])
MOMENTS = st.integers(at("2020-01-01T00:00"), at("2037-12-31T00:00"))


@given(cron=EXPRESSIONS, zone=ZONES, moment=MOMENTS)
def test_due_times_ascend_and_latest_is_one_of_them(cron: str, zone: str, moment: int) -> None:
    rule = Recurrence(cron, zone=zone)
    times = [rule.after(moment)]
    for _ in range(5):
        times.append(rule.after(times[-1]))
    assert all(before < after for before, after in pairwise([moment, *times]))
    assert rule.latest(times[0], times[3] + 1) == times[3]
    assert rule.latest(times[0], times[4] - 1) == times[3]


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        (Recurrence(), "either a cron rule or an interval"),
        (Recurrence("0 3 * * *", 60), "either a cron rule or an interval"),
        (Recurrence(every=0), "is not between"),
        (Recurrence("0 3 * * *", zone="Europe/Atlantis"), "is not a time zone"),
        (Recurrence("0 3 * * *", zone="../../etc/passwd"), "is not a time zone"),
        (Recurrence("0 0 30 2 *"), "never due"),
        (Recurrence("60 * * * *"), "is not a cron rule"),
        (Recurrence("* * * *"), "is not a cron rule"),
        (Recurrence("* * * * * *"), "is not a cron rule"),
        (Recurrence("@daily"), "is not a cron rule"),
        (Recurrence("R 3 * * *"), "is not a cron rule"),
        (Recurrence("0 1,R(2-5) * * *"), "is not a cron rule"),
        (Recurrence("h h * * *"), "is not a cron rule"),
        (Recurrence("9" * 1000 + " * * * *"), "is not a cron rule"),
        (Recurrence("a\x1b[31m b c d e"), "is not a cron rule"),
    ],
)
def test_invalid_rule_is_refused(rule: Recurrence, problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        rule.check()


# --- after downtime ---------------------------------------------------------------------------------------------

QUARTER = Recurrence("*/15 * * * *")
TEN = at("2026-05-05T10:00")


def test_run_on_time_does_not_depend_on_the_policy() -> None:
    once = RunPlan([TEN], 0, TEN + 900)
    for late in (0, 1, GRACE_SECONDS):
        assert plan_runs(QUARTER, TEN, TEN + late, "skip") == once
        assert plan_runs(QUARTER, TEN, TEN + late, "one") == once
        assert plan_runs(QUARTER, TEN, TEN + late, "all") == once


def test_policies_after_an_hour_of_downtime() -> None:
    """Down from before 10:00 until 10:50: due at 10:00, 10:15, 10:30 and 10:45."""
    now = TEN + 50 * 60
    eleven = TEN + HOUR
    assert plan_runs(QUARTER, TEN, now, "skip") == RunPlan([], 4, eleven)
    assert plan_runs(QUARTER, TEN, now, "one") == RunPlan([TEN + 2700], 3, eleven)
    assert plan_runs(QUARTER, TEN, now, "all") == RunPlan([TEN, TEN + 900, TEN + 1800, TEN + 2700], 0, eleven)


def test_restart_just_after_a_due_time() -> None:
    assert plan_runs(QUARTER, TEN, TEN + 2700 + 5, "skip") == RunPlan([TEN + 2700], 3, TEN + HOUR)


def test_year_of_downtime_starts_few_runs() -> None:
    rule, year = Recurrence("* * * * *"), 365 * 86_400
    assert plan_runs(rule, TEN, TEN + year, "one") == RunPlan([TEN + year], MAX_COUNTED_TIMES - 1, TEN + year + 60)
    assert plan_runs(rule, TEN, TEN + year + 59, "skip").runs == [TEN + year]
    catching_up = plan_runs(rule, TEN, TEN + year, "all")
    assert (len(catching_up.runs), catching_up.next) == (MAX_CATCH_UP_RUNS, TEN + 60 * MAX_CATCH_UP_RUNS)


@given(seconds=st.integers(0, 7200), every=st.integers(1, 100))
def test_policy_all_starts_every_run_once(seconds: int, every: int) -> None:
    rule, runs, due, now = Recurrence(every=every), [], 1000, 1000 + seconds
    while due <= now:
        plan = plan_runs(rule, due, now, "all")
        runs += plan.runs
        due = plan.next
    assert runs == list(range(1000, now + 1, every))
