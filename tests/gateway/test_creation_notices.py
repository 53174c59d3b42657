"""The response to a creation waits until the owner's clients have been sent `job:created`."""

from __future__ import annotations

import threading

from qctl.gateway import creation_notices
from qctl.gateway.creation_notices import CreationNotices
from support.waiting import PATIENCE_SECONDS


def test_a_response_comes_after_the_event(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(creation_notices, "MAX_WAIT_SECONDS", PATIENCE_SECONDS)
    notices = CreationNotices()
    notices.connected("ada")
    order: list[str] = []
    created = threading.Event()

    def create() -> None:
        with notices.before_response("ada", "job-1"):
            created.set()
        order.append("response")

    thread = threading.Thread(target=create)
    thread.start()
    assert created.wait(PATIENCE_SECONDS)
    notices.announced("job-2")  # another job's event releases nothing
    assert thread.is_alive()
    order.append("event")
    notices.announced("job-1")
    thread.join(PATIENCE_SECONDS)
    assert order == ["event", "response"]


def test_a_response_waits_for_no_event_that_nobody_hears(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(creation_notices, "MAX_WAIT_SECONDS", 10 * PATIENCE_SECONDS)
    notices = CreationNotices()
    notices.connected("ada")
    notices.disconnected("ada")
    notices.connected("bob")
    with notices.before_response("ada", "job-1"):
        pass


def test_a_response_comes_without_its_event_in_the_end(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(creation_notices, "MAX_WAIT_SECONDS", 0.01)
    notices = CreationNotices()
    notices.connected("ada")
    with notices.before_response("ada", "job-1"):
        pass
    notices.announced("job-1")
