"""Mails to the owners of failed jobs."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from redis import Redis

from qctl.broker.bookkeeping import events
from qctl.ops import Ops, owner_mail
from qctl.ops.owner_mail import OwnerMail
from qctl.service import QueueService
from qctl.settings import Settings
from qctl.store.users import open_user_store


@pytest.fixture
def owner(ops: Ops, settings: Settings) -> str:
    """Id of a user of the gateway."""
    ops.users.create("ada@example.com", "Ada", "correct horse")
    users = open_user_store(settings)
    user = users.find("ada@example.com")
    users.close()
    assert user
    return user.id


@pytest.fixture
def die(settings: Settings, connection: Redis) -> Callable[[str | None], str]:
    """Create a job of an owner and record that it died. Returns its id."""

    def make(owner: str | None) -> str:
        with QueueService(settings) as service:
            job_id = service.notify(receiverId="x", text="hello", owner=owner)
        events.record(connection, "dead", queue="notification", job=job_id, reason="ValueError")
        return job_id

    return make


def mails(ops: Ops) -> list[str]:
    """Payloads of the mails that wait, in the order of their queue."""
    rows = ops.jobs.list(limit=100).rows
    return [ops.jobs.show(row.id).payload.text or "" for row in rows if "alert_email" in row.function]


def test_the_owner_of_a_dead_letter_gets_one_mail(
    ops: Ops, settings: Settings, owner: str, die: Callable[[str | None], str]
) -> None:
    die(owner)  # before the first start
    mail = OwnerMail(settings)
    mail.start()
    job_id = die(owner)
    die(None)
    die("no user of the gateway")
    mail.step(block_ms=10)
    (text,) = mails(ops)
    assert "ada@example.com" in text
    assert job_id in text
    mail.start()
    mail.step(block_ms=10)
    assert len(mails(ops)) == 1


def test_a_mail_that_a_killed_scheduler_left_is_sent_once(
    ops: Ops, settings: Settings, owner: str, die: Callable[[str | None], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    mail = OwnerMail(settings)
    mail.start()
    die(owner)
    with monkeypatch.context() as patch:
        patch.setattr("qctl.broker.bookkeeping.event_consumer.EventConsumer.acknowledge", _die)
        with pytest.raises(KeyboardInterrupt):
            mail.step(block_ms=10)
    assert len(mails(ops)) == 1
    OwnerMail(settings).start()
    assert len(mails(ops)) == 1


def _die(*_: object) -> None:
    raise KeyboardInterrupt


def test_many_failures_make_few_mails(
    ops: Ops, settings: Settings, owner: str, die: Callable[[str | None], str]
) -> None:
    mail = OwnerMail(settings)
    mail.start()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(owner_mail, "MAX_MAILS_PER_HOUR", 3)
        for _ in range(5):
            die(owner)
        mail.step(block_ms=10)
    found = mails(ops)
    assert len(found) == 3
    assert sum("no mail is sent" in text for text in found) == 1
