"""Test the jobs of `email` with a worker and a real SMTP server: sent, retried or given up."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest
from redis import Redis

from qctl.broker.redis import keys
from qctl.broker.worker.rq_adapter import QctlWorker
from qctl.jobs.email import DEFERRAL_SECONDS
from qctl.service import QueueService
from qctl.settings import Settings
from support.mail import Mailbox, smtp_server


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, new_process: Callable[[], None]) -> Iterator[Mailbox]:
    """The SMTP server of the worker's settings."""
    with smtp_server() as mailbox:
        for name, value in {"HOST": "127.0.0.1", "PORT": str(mailbox.port), "SECURITY": "none"}.items():
            monkeypatch.setenv(f"SMTP_{name}", value)
        new_process()
        yield mailbox


@pytest.fixture
def service(settings: Settings) -> Iterator[QueueService]:
    with QueueService(settings) as queue_service:
        yield queue_service


def work(connection: Redis, settings: Settings, job_id: str) -> str:
    """Run all waiting jobs. Returns the status of the job afterwards."""
    QctlWorker(["email.high", "email", "email.low"], connection, settings, "inline").work(burst=True)
    status: bytes = connection.hget(keys.job(job_id), "status")
    return status.decode()


def test_temporary_refusal_is_retried_with_the_same_message_id(
    settings: Settings, connection: Redis, service: QueueService, server: Mailbox
) -> None:
    server.answers.append("450 later")
    job_id = service.add_welcome_email(userEmail="ann@example.org", userName="Ann")
    assert work(connection, settings, job_id) == "scheduled"
    assert server.mails == []
    connection.zrem(keys.scheduled("email"), job_id)
    connection.rpush(keys.queue("email"), job_id)
    assert work(connection, settings, job_id) == "finished"
    again = service.add_welcome_email(userEmail="ann@example.org", userName="Ann")
    assert work(connection, settings, again) == "finished"
    first, second = server.mails
    assert first["Message-ID"] != second["Message-ID"]
    assert server.recipients == ["ann@example.org"] * 2


def test_greylisting_is_waited_for_by_its_own_schedule_and_ends(
    settings: Settings, connection: Redis, service: QueueService, server: Mailbox
) -> None:
    tries = len(DEFERRAL_SECONDS) + 1
    server.answers += ["450 4.2.0 Greylisted, try again in 300 seconds"] * tries
    job_id = service.add_welcome_email(userEmail="ann@example.org", userName="Ann")
    waits = []
    for _ in range(tries - 1):
        assert work(connection, settings, job_id) == "scheduled"
        waits.append(connection.zscore(keys.scheduled("email"), job_id) - time.time())
        connection.zrem(keys.scheduled("email"), job_id)
        connection.rpush(keys.queue("email"), job_id)
    assert 290 < waits[0] <= 301
    assert sum(waits) > 12 * 3600
    assert work(connection, settings, job_id) == "failed"
    assert server.mails == []
    assert server.answers == []


def test_permanent_refusal_is_a_dead_letter_without_retries(
    settings: Settings, connection: Redis, service: QueueService, server: Mailbox
) -> None:
    server.answers.append("550 nobody of that name")
    job_id = service.add_welcome_email(userEmail="nobody@example.org", userName="N")
    assert work(connection, settings, job_id) == "failed"
    assert server.mails == []


@pytest.mark.parametrize(
    "data",
    [
        {"userEmail": "ann@example.org\r\nBcc: all@example.org", "userName": "Ann"},
        {"userEmail": "ann@example.org, bob@example.org", "userName": "Ann"},
        {"userEmail": "no address", "userName": "Ann"},
        {"userEmail": "ann@example.org", "userName": "Ann\r\nBcc: all@example.org"},
    ],
)
def test_invalid_address_or_header_is_a_dead_letter_and_nothing_is_sent(
    settings: Settings, connection: Redis, service: QueueService, server: Mailbox, data: dict[str, str]
) -> None:
    job_id = service.enqueue("welcome-email", data)
    assert work(connection, settings, job_id) == "failed"
    assert connection.zcard(keys.scheduled("email")) == 0
    assert server.mails == []


def test_invalid_link_is_a_dead_letter_without_retries(
    settings: Settings, connection: Redis, service: QueueService, server: Mailbox
) -> None:
    job_id = service.add_password_reset(userEmail="ann@example.org", resetUrl="javascript:alert(1)")
    assert work(connection, settings, job_id) == "failed"
    assert server.mails == []
