"""The polling of all contexts: none holds up another, and each keeps its last answer."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from cli.fake import stats_of
from qctl.errors import RedisUnreachableError
from qctl.models import Health
from qctl.tui.data import site_list
from qctl.tui.data.site_list import SiteList
from support.waiting import eventually
from tui.fake import QUEUES

FINE = (stats_of(*QUEUES), Health("ok", []))


def test_a_context_that_hangs_holds_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site_list, "FIRST_WAIT_SECONDS", 0.0)
    released = threading.Event()

    def hangs() -> Any:
        released.wait(60)
        return FINE

    sites = SiteList({"stage": hangs, "prod": lambda: FINE}, "prod")
    try:
        eventually(lambda: {site.name: site.error for site in sites.read()} == {"prod": "", "stage": "no answer yet"})
        assert [site.is_current for site in sites.read()] == [True, False]
    finally:
        released.set()
    eventually(lambda: [site.error for site in sites.read()] == ["", ""])


def test_a_context_that_goes_away_keeps_its_last_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site_list, "POLL_SECONDS", 0.0)
    answers: list[Any] = [FINE]

    def read() -> Any:
        if answers:
            return answers.pop()
        raise RedisUnreachableError("Redis at stage does not answer")

    sites = SiteList({"stage": read}, "")
    eventually(lambda: sites.read()[0].error == "Redis at stage does not answer")
    assert sites.read()[0].stats == FINE[0]


def test_one_context_is_polled_once_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site_list, "FIRST_WAIT_SECONDS", 0.0)
    released, running = threading.Event(), []

    def hangs() -> Any:
        running.append(1)
        released.wait(60)
        return FINE

    sites = SiteList({"a": hangs}, "")
    for _ in range(5):
        sites.read()
    released.set()
    eventually(lambda: not sites.read()[0].error)
    assert len(running) == 1


def test_a_fault_of_one_context_is_its_row() -> None:
    def broken() -> Any:
        raise ZeroDivisionError("oops")

    sites = SiteList({"a": broken}, "")
    eventually(lambda: sites.read()[0].error == "internal error: ZeroDivisionError: oops")
