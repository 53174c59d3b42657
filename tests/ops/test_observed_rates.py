"""Test rates of stock queues, which count nothing: what changed between readings of the last minute."""

from __future__ import annotations

import math
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from qctl.models import QueueStats, Stats, Totals
from qctl.ops.observed_rates import WINDOW_SECONDS, ObservedRates

START = datetime(2026, 11, 29, 12, 0, tzinfo=timezone.utc)


def reading(seconds: float, **counts: Any) -> Stats:
    queues = [QueueStats("mail", **counts)]
    return Stats(START + timedelta(seconds=seconds), queues, Totals.of(queues))


def last(observed: ObservedRates, *readings: Stats) -> QueueStats:
    for stats in readings:
        shown = observed.add_to(stats)
    return shown.queues[0]


def test_one_reading_has_no_rate() -> None:
    queue = last(ObservedRates(), reading(0, waiting=5))
    assert (queue.in_rate, queue.taken_rate, queue.out_rate, queue.eta) == (None, None, None, None)


def test_rates_errors_and_eta_come_from_what_changed() -> None:
    readings = [
        reading(0, waiting=100, finished=0, dead=0),
        reading(10, waiting=90, finished=15, dead=5),  # 20 left, so 10 arrived
    ]
    queue = last(ObservedRates(), *readings)
    assert (queue.in_rate, queue.taken_rate, queue.out_rate) == (1.0, 2.0, 1.5)
    assert queue.error_rate == pytest.approx(0.25)
    assert queue.eta == pytest.approx(90.0)


def test_results_that_expire_are_no_flow() -> None:
    queue = last(ObservedRates(), reading(0, finished=50), reading(10, finished=3))
    assert (queue.in_rate, queue.taken_rate, queue.out_rate, queue.error_rate) == (0.0, 0.0, 0.0, None)


def test_jobs_without_results_are_seen_to_leave() -> None:
    queue = last(ObservedRates(), reading(0, waiting=40), reading(10, waiting=20))
    assert (queue.in_rate, queue.taken_rate, queue.eta) == (0.0, 2.0, 10.0)


def test_queue_that_grows_has_no_end() -> None:
    queue = last(ObservedRates(), reading(0, waiting=1), reading(10, waiting=11))
    assert (queue.in_rate, queue.eta) == (1.0, math.inf)


def test_rates_cover_the_last_minute_only() -> None:
    busy = [reading(0, waiting=1000), reading(10, waiting=0)]
    idle = [reading(10 + n, waiting=0) for n in range(1, int(WINDOW_SECONDS) + 5)]
    assert last(ObservedRates(), *busy, *idle).taken_rate == 0.0


def test_rates_that_workers_count_stay() -> None:
    counted = {"in_rate": 7.0, "taken_rate": 7.0, "out_rate": 7.0}
    queue = last(ObservedRates(), reading(0, waiting=9, **counted), reading(10, waiting=0, **counted))
    assert (queue.in_rate, queue.taken_rate, queue.out_rate) == (7.0, 7.0, 7.0)
