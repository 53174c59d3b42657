"""A bad night: twelve questions of an operator on call, each answered by one command line at 80 columns.

The real program runs on a pseudo-terminal. Each answer fits the width, and says what the operator has to know.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from redis import Redis
from rq import Queue
from rq.serializers import JSONSerializer

from qctl.broker.ingest.buffer import Buffer, Commit
from qctl.broker.redis import keys
from qctl.broker.worker import current_pauses, pauses
from qctl.catalog import PIPELINES
from qctl.models import Pause
from qctl.ops import Ops
from qctl.settings import Settings
from support import stock
from support.terminal import PROGRAM, Terminal
from support.waiting import eventually
from support.workers import qctl_worker

COLUMNS = 80
LETTERS = 4
SEQUENCE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
TIME = r"[0-9]{2}:[0-9]{2}"

Ask = Callable[..., str]


@pytest.fixture
def ask(settings: Settings, tmp_path: Path) -> Ask:
    """Run one command line at 80 columns, type `answers` to its questions, and return what the screen shows."""

    def run(*words: str, code: int = 0, answers: tuple[tuple[str, str], ...] = (), program: str = PROGRAM) -> str:
        names = {"REDIS_URL": settings.redis_target, "QCTL_HOME": str(tmp_path)}
        with Terminal(*words, columns=COLUMNS, program=program, **names) as terminal:
            for question, answer in answers:
                terminal.read_until(question)
                terminal.type(f"{answer}\r")
            assert terminal.end() == code, terminal.shown
        shown = SEQUENCE.sub("", terminal.shown).replace("\r\n", "\n")
        too_wide = [line for line in shown.splitlines() if len(line) > COLUMNS and " " in line[COLUMNS:]]
        assert not too_wide, shown
        return shown

    return run


@pytest.fixture
def mail(connection: Redis) -> Queue:
    """A queue whose jobs are JSON, as qctl's workers take them."""
    return Queue("mail", connection=connection, serializer=JSONSerializer)


@pytest.fixture
def letters(connection: Redis, mail: Queue) -> list[str]:
    """Dead letters of one cause. Their data is right by now: they succeed if they are retried."""
    ids = [f"letter-{n}" for n in range(LETTERS)]
    for id_ in ids:
        stock.die(connection, mail.enqueue("support.jobs.give", id_, job_id=id_))
    return ids


def row_of(shown: str, name: str) -> str:
    """Return the line that begins with a name."""
    rows = [line for line in shown.splitlines() if line.startswith(name)]
    assert rows, shown
    return rows[0]


def test_what_is_wrong_now(ask: Ask, mail: Queue, letters: list[str]) -> None:
    mail.enqueue("support.jobs.give", 1)
    shown = ask("health", code=1)
    assert "1 job waits in queue mail, and no worker listens to it" in " ".join(shown.split())
    assert "qctl-worker mail" in shown


def test_hold_a_queue_for_half_an_hour(ask: Ask, connection: Redis, mail: Queue) -> None:
    mail.enqueue("support.jobs.give", 1)
    before = datetime.now(timezone.utc)
    shown = ask("pause", "mail", "--for", "30m")
    assert re.search(rf"mail paused until .*{TIME}", shown), shown
    assert "qctl resume mail" in shown
    (pause,) = paused(connection)
    assert pause.until is not None
    assert before + timedelta(minutes=29) < pause.until <= datetime.now(timezone.utc) + timedelta(minutes=31)


def test_causes_of_the_dead_letters(ask: Ask, letters: list[str]) -> None:
    shown = ask("dlq", "groups")
    assert re.search(rf"^[0-9a-f]{{12}} +{LETTERS} .*mail +\S*jobs\.give", shown, re.MULTILINE), shown
    assert "ValueError: no such address in tasks.py:send" in shown


def test_retry_a_canary_and_then_the_rest_at_a_rate(
    ask: Ask, settings: Settings, connection: Redis, letters: list[str], tmp_path: Path
) -> None:
    ops = Ops(settings)
    (cause,) = ops.dead_letters.groups().causes
    ops.close()
    options = ["--canary", "1", "--rate", "100/s", "--fingerprint", cause.fingerprint]
    with qctl_worker(tmp_path, settings.redis_target, "mail"):
        shown = ask("dlq", "retry", *options, answers=((f"{LETTERS} jobs", "y"),))
        assert f"{LETTERS} jobs of mail enqueued again" in shown
        eventually(lambda: connection.zcard(keys.finished("mail")) == LETTERS)
    assert connection.zcard(keys.failed("mail")) == 0


def test_undo_a_clear(ask: Ask, mail: Queue) -> None:
    ids = [mail.enqueue("support.jobs.give", n).id for n in range(3)]
    assert "undo: qctl trash restore" in ask("clear", "mail", answers=(("Type mail to confirm:", "mail"),))
    assert mail.job_ids == []
    shown = ask("trash", "restore", answers=(("[y/N]", "y"),))
    assert "3 jobs" in shown
    assert mail.job_ids == ids


def test_find_and_stop_what_hangs(ask: Ask, connection: Redis, mail: Queue, tmp_path: Path, settings: Settings) -> None:
    mail.enqueue("support.jobs.nap", 600, job_id="hangs", job_timeout=900)
    with qctl_worker(tmp_path, settings.redis_target, "mail", isolation="fork"):
        eventually(lambda: connection.hget(keys.job("hangs"), "status") == b"started")
        ops = Ops(settings)
        eventually(lambda: [worker.job_function for worker in ops.workers.list()] == ["support.jobs.nap"])
        ops.close()
        row = row_of(ask("job", "list", "--state", "started"), "hangs")
        assert re.search("mail +started +[0-9.]+s +support.jobs.nap", row), row
        assert re.search("busy +mail +support", ask("worker", "list"))
        assert "job hangs of mail" in ask("job", "stop", "hangs")
        assert connection.hget(keys.job("hangs"), "status") == b"stopped"


def test_fix_a_payload_and_run_it_again(ask: Ask, connection: Redis, mail: Queue) -> None:
    stock.die(connection, mail.enqueue("support.jobs.give", "ada@exmaple.com", job_id="typo"))
    shown = ask("job", "edit", "typo", "--data", '{"args": ["ada@example.com"]}', "--retry")
    assert shown.index("ada@exmaple.com") < shown.index("ada@example.com")
    assert "enqueued again" in shown
    assert "undo: qctl job edit typo --revert" in shown
    job = mail.fetch_job("typo")
    assert job is not None
    assert job.args == ["ada@example.com"]
    assert mail.job_ids == ["typo"]


def test_why_a_schedule_has_not_moved(ask: Ask, settings: Settings, connection: Redis) -> None:
    ops = Ops(settings)
    ops.schedules.add("nightly", "stock-check", every=3600.0)
    ops.schedules.pause("nightly")
    ops.close()
    shown = ask("schedule", "list")
    assert re.search(r"paused by \S+", row_of(shown, "nightly") + shown), shown
    assert "every 1h" in row_of(shown, "nightly")


def test_lag_of_the_readings(ask: Ask, settings: Settings, connection: Redis) -> None:
    Buffer(connection, PIPELINES["readings"], settings).append(Commit([b"{}"] * 5))
    shown = ask("ingest", "status")
    assert re.search(r"^PIPELINE .*BUFFER OLDEST .*LAG", shown, re.MULTILINE), shown
    assert re.search(r" 5 +[0-9]+s ", row_of(shown, "readings")), shown


def test_move_a_backlog(ask: Ask, connection: Redis, mail: Queue) -> None:
    ids = [mail.enqueue("support.jobs.give", n).id for n in range(3)]
    Queue("mail2", connection=connection).enqueue("support.jobs.give", job_id="first")
    shown = ask("queue", "move", "mail", "mail2", answers=(("3 jobs", "y"),))
    assert "3 jobs of mail moved to mail2" in shown
    assert "undo: qctl queue move mail2 mail --back" in shown
    assert stock.waiting(connection, "mail2") == ["first", *ids]


def test_who_paused_it(ask: Ask, connection: Redis, mail: Queue) -> None:
    mail.enqueue("support.jobs.give", 1)
    pauses.pause(connection, "mail", actor="grace@ops-7", reason="provider is down")
    shown = " ".join(ask("queue", "explain", "mail").split())
    assert "paused by grace@ops-7 since " in shown
    assert "provider is down" in shown
    assert "qctl resume mail" in shown


def test_evidence_for_a_colleague(ask: Ask, letters: list[str]) -> None:
    assert ask("-c", f"{PROGRAM} report --queue mail > case.md", program="/bin/sh") == ""
    shown = Path("case.md").read_text(encoding="utf-8")
    headings = re.findall("^## (.+)$", shown, re.MULTILINE)
    assert headings == ["Cause", "Dead letters", "Queues", "Events", "Audit", "Versions"]
    assert "no such address" in shown
    assert shown.count("### letter-") == 3


def paused(connection: Redis) -> list[Pause]:
    """Return all pauses."""
    now = int(time.time() * 1000)
    return list(current_pauses.parse(connection.hgetall(keys.PAUSED), now).values())
