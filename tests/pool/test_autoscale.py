"""Decisions about the size of a pool, on a clock of the test."""

from __future__ import annotations

import pytest

from qctl.pool.autoscale import CALM_SECONDS, READING_SECONDS, Autoscaler, Demand

LATENCY = 5.0
IDLE = Demand(waiting=0, running=0, arrivals=0.0, run=1.0)


class Run:
    """A pool whose queues are read every `READING_SECONDS`."""

    def __init__(self, least: int, most: int, size: int) -> None:
        self.scaler, self.size, self.now, self.reason = Autoscaler(least, most, LATENCY), size, 1000.0, ""
        self.shrinks_in: float | None = None

    def read(self, demand: Demand, times: int = 1) -> int:
        """Read the same demand so many times. Returns the size afterwards."""
        for _ in range(times):
            decision = self.scaler.decide(demand, self.size, self.now)
            self.size, self.reason, self.shrinks_in = decision.size, decision.reason, decision.shrinks_in
            self.now += READING_SECONDS
        return self.size


def test_one_late_reading_adds_nothing_and_two_do() -> None:
    run = Run(1, 4, 1)
    late = Demand(waiting=10, running=1, oldest=6.0, arrivals=1.0, run=1.0)
    run.read(IDLE)
    assert run.read(late) == 1
    assert run.read(late) == 2
    assert run.reason.startswith("oldest job waits 6.0 s, allowed 5 s, 10 waiting")


def test_it_at_most_doubles_at_a_time_and_never_passes_its_bound() -> None:
    run = Run(1, 10, 2)
    flood = Demand(waiting=10_000, running=2, oldest=60.0, arrivals=100.0, run=1.0)
    assert [run.read(flood) for _ in range(6)][1:] == [4, 8, 10, 10, 10]


def test_a_rate_that_keeps_processes_busy_adds_some_before_anything_is_late() -> None:
    run = Run(1, 8, 1)
    assert run.read(Demand(waiting=1, running=1, oldest=0.1, arrivals=4.0, run=0.5), 10) == 3


def test_a_rate_that_a_pool_handles_changes_nothing() -> None:
    run = Run(1, 8, 3)
    assert run.read(Demand(waiting=2, running=2, oldest=0.2, arrivals=4.0, run=0.5), 100) == 3


def test_it_shrinks_only_after_a_calm_time_and_then_to_the_peak_of_that_time() -> None:
    run = Run(1, 8, 8)
    readings = int(CALM_SECONDS / READING_SECONDS)
    run.read(IDLE, readings - 5)
    assert run.size == 8
    assert run.shrinks_in is not None
    assert 0 < run.shrinks_in < CALM_SECONDS
    run.read(Demand(waiting=1, running=3, oldest=0.1, arrivals=4.0, run=0.5))
    assert run.read(IDLE, 6) == 3
    assert run.read(IDLE, 2 * readings) == 1


def test_a_short_lull_removes_nothing() -> None:
    run = Run(1, 8, 3)
    busy = Demand(waiting=1, running=3, oldest=0.1, arrivals=4.0, run=0.5)
    for _ in range(20):
        run.read(busy)
        assert run.read(IDLE, 10) == 3


def test_a_job_without_known_duration_adds_one_at_a_time() -> None:
    run = Run(0, 8, 0)
    run.read(Demand(waiting=0, running=0))
    assert run.read(Demand(waiting=3, running=0, oldest=0.1), 2) == 1
    assert run.read(Demand(waiting=3, running=1, oldest=9.0), 2) in (2, 3)


@pytest.mark.parametrize(("others", "size"), [(0, 3), (2, 1), (9, 1)])
def test_workers_of_others_are_counted(others: int, size: int) -> None:
    run = Run(1, 8, 1)
    assert run.read(Demand(waiting=1, running=1, oldest=0.1, arrivals=4.0, run=0.5, others=others), 10) == size


def test_a_pool_outside_its_bounds_comes_back() -> None:
    assert Run(2, 4, 9).read(IDLE) <= 4
    assert Run(2, 4, 1).read(IDLE, 3) == 2
