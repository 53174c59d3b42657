"""Processor time of the monitor: a small share in the long run, and none to wait for after a quiet time."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from qctl.tui.data import cpu_budget
from qctl.tui.data.cpu_budget import (
    CPU_SHARE,
    MAX_DEBT_SECONDS,
    MAX_SAVED_SECONDS,
    URGENT_CREDIT_SECONDS,
    CpuBudget,
)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Clocks that a test sets."""
    times = SimpleNamespace(now=100.0, used=3.0)
    times.monotonic, times.process_time = lambda: times.now, lambda: times.used
    monkeypatch.setattr(cpu_budget, "time", times)
    return times


def test_savings_are_spent_at_once_and_then_the_share(clock: SimpleNamespace) -> None:
    spender, spent = CpuBudget(), 0.0
    for _ in range(1000):
        clock.now += 0.1
        if not spender.delay():
            clock.used += 0.03
            spent += 0.03
    assert spent == pytest.approx(MAX_SAVED_SECONDS + 100 * CPU_SHARE, abs=0.05)


def test_the_delay_pays_off_the_debt(clock: SimpleNamespace) -> None:
    spender = CpuBudget()
    clock.used += MAX_SAVED_SECONDS + 0.07
    wait = spender.delay()
    assert wait == pytest.approx(0.07 / CPU_SHARE)
    clock.now += wait + 0.001
    assert spender.delay() == 0


def test_urgent_reads_overdraw_up_to_the_credit(clock: SimpleNamespace) -> None:
    spender = CpuBudget()
    clock.used += MAX_SAVED_SECONDS + URGENT_CREDIT_SECONDS - 0.01
    assert spender.delay() > 0
    assert spender.delay(urgent=True) == 0
    clock.used += 99.0
    assert spender.delay(urgent=True) == pytest.approx((MAX_DEBT_SECONDS - URGENT_CREDIT_SECONDS) / CPU_SHARE)
    clock.now += MAX_DEBT_SECONDS / CPU_SHARE + 0.01
    assert spender.delay() == 0
