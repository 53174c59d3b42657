"""The response to a creation waits until the owner's clients have been sent `job:created`."""

from __future__ import annotations

import asyncio

import pytest

from qctl.gateway import creation_notices
from qctl.gateway.creation_notices import CreationNotices
from support.waiting import PATIENCE_SECONDS


async def created() -> None:
    """The creation of a job that takes no time."""


def test_a_response_comes_after_the_event(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(creation_notices, "MAX_WAIT_SECONDS", PATIENCE_SECONDS)
    notices = CreationNotices()
    notices.connected("ada")
    order: list[str] = []

    async def create() -> None:
        order.append("creation")

    async def answer() -> None:
        await notices.before_response("ada", "job-1", create())
        order.append("response")

    async def run() -> None:
        answering = asyncio.create_task(answer())
        while not order:
            await asyncio.sleep(0)
        notices.announced("job-2")  # another job's event releases nothing
        await asyncio.sleep(0.01)
        assert not answering.done()
        order.append("event")
        notices.announced("job-1")
        await answering

    asyncio.run(run())
    assert order == ["creation", "event", "response"]


def test_an_event_before_the_end_of_the_creation_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(creation_notices, "MAX_WAIT_SECONDS", 10 * PATIENCE_SECONDS)
    notices = CreationNotices()
    notices.connected("ada")

    async def create() -> None:
        notices.announced("job-1")
        notices.announced("job-1")

    asyncio.run(asyncio.wait_for(notices.before_response("ada", "job-1", create()), PATIENCE_SECONDS))


def test_a_response_waits_for_no_event_that_nobody_hears(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(creation_notices, "MAX_WAIT_SECONDS", 10 * PATIENCE_SECONDS)
    notices = CreationNotices()
    notices.connected("ada")
    notices.disconnected("ada")
    notices.connected("bob")
    asyncio.run(asyncio.wait_for(notices.before_response("ada", "job-1", created()), PATIENCE_SECONDS))


def test_a_response_comes_without_its_event_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(creation_notices, "MAX_WAIT_SECONDS", 0.01)
    notices = CreationNotices()
    notices.connected("ada")
    asyncio.run(notices.before_response("ada", "job-1", created()))
    notices.announced("job-1")


def test_the_error_of_a_creation_is_raised_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(creation_notices, "MAX_WAIT_SECONDS", 10 * PATIENCE_SECONDS)
    notices = CreationNotices()
    notices.connected("ada")

    async def fail() -> None:
        raise LookupError

    with pytest.raises(LookupError):
        asyncio.run(asyncio.wait_for(notices.before_response("ada", "job-1", fail()), PATIENCE_SECONDS))
