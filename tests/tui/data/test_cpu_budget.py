"""How much the monitor takes of a processor: little in the long run, and at once where little happened."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from qctl.tui.data import cpu_budget
from qctl.tui.data.cpu_budget import DEBT, LENT, MOST, SHARE, Budget


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Times that a test sets."""
    times = SimpleNamespace(now=100.0, used=3.0)
    times.monotonic, times.process_time = lambda: times.now, lambda: times.used
    monkeypatch.setattr(cpu_budget, "time", times)
    return times


def test_what_was_saved_up_is_spent_at_once_and_then_a_share(clock: SimpleNamespace) -> None:
    spender, spent = Budget(), 0.0
    for _ in range(1000):
        clock.now += 0.1
        if not spender.wait():
            clock.used += 0.03
            spent += 0.03
    assert spent == pytest.approx(MOST + 100 * SHARE, abs=0.05)


def test_it_says_how_long_to_wait(clock: SimpleNamespace) -> None:
    spender = Budget()
    clock.used += MOST + 0.07
    wait = spender.wait()
    assert wait == pytest.approx(0.07 / SHARE)
    clock.now += wait + 0.001
    assert spender.wait() == 0


def test_what_people_did_does_not_wait_but_not_without_end(clock: SimpleNamespace) -> None:
    spender = Budget()
    clock.used += MOST + LENT - 0.01
    assert spender.wait() > 0
    assert spender.wait(urgent=True) == 0
    clock.used += 99.0
    assert spender.wait(urgent=True) == pytest.approx((DEBT - LENT) / SHARE)
    clock.now += DEBT / SHARE + 0.01
    assert spender.wait() == 0
