"""When schedules are due: over changes of the clock, and after nobody was there."""

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


def dues(rule: Recurrence, start: int, end: int) -> list[str]:
    """Every time a rule is due, as UTC."""
    found, moment = [], start
    while (moment := rule.after(moment)) < end:
        found.append(datetime.fromtimestamp(moment, timezone.utc).strftime("%d %H:%M"))
    return found


SPRING = at("2026-03-28T12:00", BERLIN), at("2026-03-30T12:00", BERLIN)
"""On the 29th clocks jump from 02:00 to 03:00, at 01:00 UTC."""
AUTUMN = at("2026-10-24T12:00", BERLIN), at("2026-10-26T12:00", BERLIN)
"""On the 25th clocks go back from 03:00 to 02:00, at 01:00 UTC."""


def test_a_time_that_clocks_jump_over_comes_when_they_have_jumped() -> None:
    assert dues(Recurrence("30 2 * * *", zone=BERLIN), *SPRING) == ["29 01:00", "30 00:30"]
    assert dues(Recurrence("15 3 * * *", zone=BERLIN), *SPRING) == ["29 01:15", "30 01:15"]
    assert dues(Recurrence("*/20 2 * * *", zone=BERLIN), *SPRING) == [
        "29 01:00",
        "30 00:00",
        "30 00:20",
        "30 00:40",
    ]


def test_a_time_that_comes_twice_counts_the_first_time() -> None:
    assert dues(Recurrence("30 2 * * *", zone=BERLIN), *AUTUMN) == ["25 00:30", "26 01:30"]
    assert dues(Recurrence("*/20 2 * * *", zone=BERLIN), *AUTUMN) == [
        "25 00:00",
        "25 00:20",
        "25 00:40",
        "26 01:00",
        "26 01:20",
        "26 01:40",
    ]
    assert dues(Recurrence("30 1,3 * * *", zone=BERLIN), *AUTUMN) == [
        "24 23:30",
        "25 02:30",
        "26 00:30",
        "26 02:30",
    ]


@pytest.mark.parametrize("span", [SPRING, AUTUMN])
@pytest.mark.parametrize(("cron", "step"), [("0 * * * *", HOUR), ("*/15 * * * *", 900), ("* * * * *", 60)])
def test_what_comes_every_hour_or_more_often_goes_on_in_real_time(span: tuple[int, int], cron: str, step: int) -> None:
    rule, moment = Recurrence(cron, zone=BERLIN), span[0]
    while moment < span[1]:
        assert rule.after(moment) == moment + step
        assert rule.latest(span[0], moment + step - 1) == moment
        moment += step


def test_a_zone_decides_the_day() -> None:
    rule = Recurrence("0 0 1 * *", zone="Pacific/Auckland")
    assert rule.after(at("2026-06-15T00:00")) == at("2026-06-30T12:00")


def test_a_leap_day_comes() -> None:
    assert Recurrence("0 0 29 2 *").after(at("2097-01-01T00:00")) == at("2104-02-29T00:00")


def test_intervals_keep_their_step() -> None:
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
def test_times_go_forward_and_the_latest_is_one_of_them(cron: str, zone: str, moment: int) -> None:
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
        (Recurrence("0 3 * * *", zone="Europe/Atlantis"), "is not the name of a time zone"),
        (Recurrence("0 3 * * *", zone="../../etc/passwd"), "is not the name of a time zone"),
        (Recurrence("0 0 30 2 *"), "never comes"),
        (Recurrence("60 * * * *"), "is not minute hour"),
        (Recurrence("* * * *"), "is not minute hour"),
        (Recurrence("* * * * * *"), "is not minute hour"),
        (Recurrence("@daily"), "is not minute hour"),
        (Recurrence("R 3 * * *"), "is not minute hour"),
        (Recurrence("0 1,R(2-5) * * *"), "is not minute hour"),
        (Recurrence("h h * * *"), "is not minute hour"),
        (Recurrence("9" * 1000 + " * * * *"), "is not minute hour"),
        (Recurrence("a\x1b[31m b c d e"), "is not minute hour"),
    ],
)
def test_rules_that_are_none(rule: Recurrence, problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        rule.check()


# --- who was away ---------------------------------------------------------------------------------------------

QUARTER = Recurrence("*/15 * * * *")
TEN = at("2026-05-05T10:00")


def test_what_is_on_time_runs_whatever_the_policy() -> None:
    once = RunPlan([TEN], 0, TEN + 900)
    for late in (0, 1, GRACE_SECONDS):
        assert plan_runs(QUARTER, TEN, TEN + late, "skip") == once
        assert plan_runs(QUARTER, TEN, TEN + late, "one") == once
        assert plan_runs(QUARTER, TEN, TEN + late, "all") == once


def test_an_hour_of_absence() -> None:
    """Away from just before 10:00 until 10:50: due at 10:00, 10:15, 10:30 and 10:45."""
    back = TEN + 50 * 60
    eleven = TEN + HOUR
    assert plan_runs(QUARTER, TEN, back, "skip") == RunPlan([], 4, eleven)
    assert plan_runs(QUARTER, TEN, back, "one") == RunPlan([TEN + 2700], 3, eleven)
    assert plan_runs(QUARTER, TEN, back, "all") == RunPlan([TEN, TEN + 900, TEN + 1800, TEN + 2700], 0, eleven)


def test_back_just_after_a_time() -> None:
    assert plan_runs(QUARTER, TEN, TEN + 2700 + 5, "skip") == RunPlan([TEN + 2700], 3, TEN + HOUR)


def test_a_year_of_absence_is_no_flood() -> None:
    rule, year = Recurrence("* * * * *"), 365 * 86_400
    assert plan_runs(rule, TEN, TEN + year, "one") == RunPlan([TEN + year], MAX_COUNTED_TIMES - 1, TEN + year + 60)
    assert plan_runs(rule, TEN, TEN + year + 59, "skip").runs == [TEN + year]
    catching_up = plan_runs(rule, TEN, TEN + year, "all")
    assert (len(catching_up.runs), catching_up.next) == (MAX_CATCH_UP_RUNS, TEN + 60 * MAX_CATCH_UP_RUNS)


@given(seconds=st.integers(0, 7200), every=st.integers(1, 100))
def test_all_makes_every_run_once(seconds: int, every: int) -> None:
    rule, made, due, now = Recurrence(every=every), [], 1000, 1000 + seconds
    while due <= now:
        step = plan_runs(rule, due, now, "all")
        made += step.runs
        due = step.next
    assert made == list(range(1000, now + 1, every))
