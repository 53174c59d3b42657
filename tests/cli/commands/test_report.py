"""`qctl report`: a Markdown file with all that a colleague needs, and no secret."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from redis import Redis

from cli.conftest import Ran
from cli.fake import LETTER, FakeOps
from qctl.cli.main import run
from qctl.cli.session import Session
from qctl.models import DeadLetterDetail, Event
from qctl.settings import Settings
from support import stock

Qctl = Callable[..., Ran]

FENCE = chr(96) * 3


def detail(**more: object) -> DeadLetterDetail:
    values = {"created_at": None, "enqueued_at": None, "traceback": "", "payload": "[]", "payload_size": 2}
    return DeadLetterDetail(LETTER, **{**values, "description": "", **more})  # type: ignore[arg-type]


def test_report_has_every_section(qctl: Qctl) -> None:
    ran = qctl("report", "--queue", "email")
    assert (ran.code, ran.err) == (0, "")
    assert re.findall("^## (.+)$", ran.out, re.MULTILINE) == (
        ["Cause", "Dead letters", "Queues", "Events", "Audit", "Versions"]
    )
    assert "None." not in ran.out
    assert re.search(r"^- Redis: 7\.0\.15$", ran.out, re.MULTILINE)
    assert "qctl clear email" in ran.out


def test_secrets_are_masked_everywhere(qctl: Qctl) -> None:
    secret = "password=hunter2"
    letter = detail(traceback=f"Traceback\n  {secret}", payload='{"password": "hunter2", "to": "ada"}')
    event = Event("1795000000000-0", "dead", {"queue": "email", "reason": secret})
    ran = qctl("report", ops=FakeOps(dead_letters__show=letter, events__list=[event]))
    assert "hunter2" not in ran.out
    assert ran.out.count("***") == 2
    assert "password=\\*\\*\\*" in ran.out
    assert '"to": "ada"' in ran.out


def test_hostile_text_cannot_leave_its_place(qctl: Qctl) -> None:
    letter = detail(traceback=f"{FENCE}\n# injected\n\x1b[31m")
    letter = replace(letter, letter=replace(LETTER, error="a | b\n## injected <script>"))
    shown = qctl("report", ops=FakeOps(dead_letters__show=letter)).out
    assert f"{FENCE}`\n{FENCE}\n# injected" in shown
    assert "\n## injected" not in shown
    assert "a \\| b" in shown
    assert "\\<script\\>" in shown
    assert "\x1b" not in shown


@pytest.fixture
def real(settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Qctl:
    """Run a command line on a real Redis."""
    monkeypatch.setenv("REDIS_URL", settings.redis_target)
    monkeypatch.setenv("QCTL_HOME", str(settings.home))

    def command(*arguments: str) -> Ran:
        code = run(arguments, Session())
        captured = capsys.readouterr()
        return Ran(code, captured.out, captured.err)

    return command


def test_report_of_a_cause_shows_three_of_its_letters(real: Qctl, connection: Redis) -> None:
    for number in range(5):
        stock.die(connection, stock.enqueue(connection, "mail", f"letter-{number}", "ada", json=True))
    stock.enqueue(connection, "other", "waits")
    (fingerprint,) = real("dlq", "groups", "-o", "name").out.split()
    ran = real("report", "--fingerprint", fingerprint)
    assert (ran.code, ran.err) == (0, "")
    assert len(re.findall(r"^### letter-\d$", ran.out, re.MULTILINE)) == 3
    assert '"ada"' in ran.out
    assert "| mail |" in ran.out
    assert "| other |" not in ran.out


def test_report_without_dead_letters_shows_the_rest(real: Qctl, connection: Redis) -> None:
    stock.enqueue(connection, "mail", "waits")
    ran = real("report")
    assert (ran.code, ran.err) == (0, "")
    assert "## Cause\n\nNone.\n" in ran.out
    assert "| mail | 1 |" in ran.out


def test_unknown_cause_is_not_found(real: Qctl, connection: Redis) -> None:
    ran = real("report", "--fingerprint", "0d9c5c1fb0a7")
    assert (ran.code, ran.out) == (3, "")
    assert "qctl dlq groups" in ran.err


# --- as a page ------------------------------------------------------------------------------------------------


def test_page_has_every_section_plots_and_no_script(qctl: Qctl) -> None:
    ran = qctl("report", "--html", "--queue", "email")
    assert (ran.code, ran.err) == (0, "")
    assert re.findall("<h2>(.+)</h2>", ran.out) == (
        ["Cause", "The last hour", "Dead letters", "Queues", "Events", "Audit", "Versions"]
    )
    assert "<svg" in ran.out
    assert "default-src 'none'" in ran.out
    assert "<script" not in ran.out
    assert "http" not in ran.out.replace("http-equiv", "")


def test_page_masks_secrets_and_escapes_text(qctl: Qctl) -> None:
    letter = detail(traceback="password=hunter2\n</pre><script>alert(1)</script>\x1b[31m")
    letter = replace(letter, letter=replace(LETTER, error="<img src=x>"))
    shown = qctl("report", "--html", ops=FakeOps(dead_letters__show=letter)).out
    assert "hunter2" not in shown
    assert "<script>" not in shown
    assert "<img" not in shown
    assert "\x1b" not in shown
