"""Blackouts: windows of local time, on a clock of the test."""

from __future__ import annotations

from datetime import datetime, timezone
from zoneinfo import ZoneInfo

import pytest

from qctl.broker.scheduler.blackout import Blackout, RuleWithBlackout
from qctl.errors import UsageError

BERLIN = ZoneInfo("Europe/Berlin")


def at(text: str, zone: ZoneInfo | timezone = timezone.utc) -> int:
    """Seconds since 1970 of a local time."""
    return int(datetime.fromisoformat(text).replace(tzinfo=zone).timestamp())


def local(moment: int, zone: ZoneInfo | timezone = timezone.utc) -> str:
    """A time as its zone shows it."""
    return datetime.fromtimestamp(moment, zone).strftime("%Y-%m-%d %H:%M")


@pytest.mark.parametrize(
    ("moment", "is_dark"),
    [
        ("2026-11-30 21:59:59", False),
        ("2026-11-30 22:00:00", True),
        ("2026-12-01 05:59:59", True),
        ("2026-12-01 06:00:00", False),
        ("2026-12-05 03:00:00", True),  # the night from Friday to Saturday began on a Friday
        ("2026-12-05 23:00:00", False),
        ("2026-12-06 12:00:00", True),
    ],
)
def test_a_window_belongs_to_the_day_of_its_start(moment: str, is_dark: bool) -> None:
    blackout = Blackout("mon-fri 22:00-06:00; sun 00:00-24:00", "UTC")
    blackout.check()
    assert (blackout.window_at(at(moment)) is not None) == is_dark


def test_windows_follow_the_clocks_of_their_zone() -> None:
    blackout = Blackout("22:00-06:00", "Europe/Berlin")
    winter, summer = at("2026-03-28 23:00", BERLIN), at("2026-03-29 23:00", BERLIN)
    assert [local(edge) for edge in blackout.window_at(winter) or ()] == ["2026-03-28 21:00", "2026-03-29 04:00"]
    assert [local(edge) for edge in blackout.window_at(summer) or ()] == ["2026-03-29 20:00", "2026-03-30 04:00"]


def test_next_windows_begin_with_the_one_that_lasts() -> None:
    blackout = Blackout("22:00-06:00; 12:00-13:00", "UTC")
    windows = blackout.windows(at("2026-11-30 23:00"), 4)
    assert [local(start) for start, _ in windows] == [
        *("2026-11-30 22:00", "2026-12-01 12:00", "2026-12-01 22:00", "2026-12-02 12:00")
    ]


@pytest.mark.parametrize(
    "text",
    [
        *("", "x", "22:00", "25:00-06:00", "22:00-24:30", "moo 22:00-06:00", "mon-fri", "00:00-24:00", "; ;"),
        *("mon-wed 00:00-24:00; thu-sun 00:00-24:00", "00:00-12:00; 12:00-24:00", "08:00-08:00", "\u06608:00-09:00"),
    ],
)
def test_windows_that_cannot_be_read_or_leave_no_time_are_refused(text: str) -> None:
    with pytest.raises(UsageError):
        Blackout(text, "UTC").check()


def test_an_unknown_zone_is_refused() -> None:
    with pytest.raises(UsageError, match="is not a time zone"):
        Blackout("22:00-06:00", "Europe/Berlim").check()


def test_a_cron_rule_is_due_again_after_the_window() -> None:
    rule = RuleWithBlackout("0 * * * *", None, "UTC", Blackout("22:00-06:00", "UTC"))
    assert local(rule.after(at("2026-11-30 20:30"))) == "2026-11-30 21:00"
    assert local(rule.after(at("2026-11-30 21:00"))) == "2026-12-01 06:00"
    assert local(rule.latest(at("2026-11-30 20:00"), at("2026-12-01 03:00"))) == "2026-11-30 21:00"


def test_an_interval_keeps_its_rhythm_past_the_window() -> None:
    rule = RuleWithBlackout(None, 7 * 3600, "UTC", Blackout("22:00-06:00", "UTC"))
    assert local(rule.after(at("2026-11-30 16:00"))) == "2026-12-01 06:00"


def test_a_rule_that_is_due_only_in_windows_is_refused() -> None:
    rule = RuleWithBlackout("0 23 * * *", None, "UTC", Blackout("22:00-06:00", "UTC"))
    with pytest.raises(UsageError, match="never due outside"):
        rule.check()
