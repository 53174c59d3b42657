"""Behaviour on a terminal: prompts, table widths and colours."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from redis import Redis
from rq import Queue

from qctl.settings import Settings
from support.terminal import Terminal


@pytest.fixture
def qctl(settings: Settings) -> Callable[..., Terminal]:
    """Start `qctl("clear", "email", columns=80, NAME="value")` on a terminal."""

    def start(*arguments: str, columns: int = 80, **names: str) -> Terminal:
        return Terminal(*arguments, columns=columns, REDIS_URL=settings.redis_target, **names)

    return start


@pytest.fixture
def email(connection: Redis) -> Iterator[Queue]:
    """Create a queue with two jobs."""
    queue = Queue("email", connection=connection)
    queue.enqueue("app.send")
    queue.enqueue("app.send")
    return queue


Start = Callable[..., Terminal]


def test_clear_runs_after_the_name_is_typed(qctl: Start, email: Queue) -> None:
    terminal = qctl("clear", "email")
    terminal.read_until("Move 2 waiting jobs of email to the trash.\r\nType email to confirm:")
    terminal.type("email\r")
    assert terminal.end() == 0
    assert "2 jobs moved to the trash" in terminal.shown
    assert email.job_ids == []


@pytest.mark.parametrize(("typed", "code"), [("emial\r", 6), ("\r", 6), ("y\r", 6), ("\x04", 6), ("ema\x03", 130)])
def test_clear_refuses_any_other_answer(typed: str, code: int, qctl: Start, email: Queue) -> None:
    terminal = qctl("clear", "email")
    terminal.read_until("Type email to confirm:")
    terminal.type(typed)
    assert terminal.end() == code
    assert ("qctl: interrupted" if code == 130 else "qctl: not confirmed") in terminal.shown
    assert len(email.job_ids) == 2


@pytest.mark.parametrize(("typed", "code"), [("y\r", 0), ("\r", 6), ("no\r", 6)])
def test_bulk_retry_asks_with_the_number_of_jobs(
    typed: str, code: int, qctl: Start, email: Queue, connection: Redis
) -> None:
    for job in email.get_jobs():
        email.remove(job)
        job.set_status("failed")
        email.failed_job_registry.add(job, ttl=-1)
    terminal = qctl("retry", "--all", "--queue", "em*")
    terminal.read_until("Run again 2 jobs of email (2 failed)? [y/N]")
    terminal.type(typed)
    assert terminal.end() == code
    assert len(email.job_ids) == (2 if code == 0 else 0)


@pytest.mark.parametrize("kind", ["xterm-256color", "dumb"])
def test_table_fits_into_80_and_20_columns(qctl: Start, email: Queue, kind: str) -> None:
    for columns in (80, 20):
        terminal = qctl("stats", columns=columns, TERM=kind)
        assert terminal.end() == 0
        plain = re.sub(r"\x1b\[[0-9;]*m", "", terminal.shown).splitlines()
        assert plain[0].startswith("QUEUE ")
        assert "email" in plain[1]
        assert max(map(len, plain[: plain.index("")])) <= columns


@pytest.mark.parametrize(
    ("more", "names", "colour"),
    [((), {}, True), (("--no-color",), {}, False), ((), {"NO_COLOR": "1"}, False), ((), {"TERM": "dumb"}, False)],
)
def test_colour_can_be_disabled(
    more: tuple[str, ...], names: dict[str, str], colour: bool, qctl: Start, email: Queue
) -> None:
    terminal = qctl("stats", *more, **names)
    assert terminal.end() == 0
    assert "no worker" in terminal.shown
    assert ("\x1b[33m" in terminal.shown) == colour
