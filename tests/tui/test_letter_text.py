"""The text of a dead letter: what is bright, what is muted, and hostile text."""

from __future__ import annotations

from dataclasses import replace

from cli.fake import NOW, FakeOps
from qctl.tui.letter_text import letter_content, traceback_cells

TRACEBACK = """Traceback (most recent call last):
  File "/venv/lib/python3.11/site-packages/rq/job.py", line 9, in perform
    return self.run()
  File "/srv/app/mail.py", line 3, in send
    raise ValueError(host)
ValueError: no such host
  (a second line)
"""


def test_frames_of_libraries_are_muted_and_the_error_is_marked() -> None:
    styles = [cell.style for cell in traceback_cells(TRACEBACK)]
    assert styles == ["dim", "dim", "dim", "", "", "bad", "bad"]


def test_the_text_holds_error_traceback_and_payload_without_control_characters() -> None:
    evil = "\x1b]0;owned\x07\x9b31m[bold]\u202e"
    detail = FakeOps().dead_letters.show("job-1")
    hostile = replace(
        detail,
        traceback=evil,
        payload=f'["{evil}"]',
        meta=evil,
        letter=replace(detail.letter, error=evil, function=evil),
    )
    text = letter_content(hostile, NOW).plain
    assert "[bold]" in text
    assert not [c for c in text if c != "\n" and (ord(c) < 32 or c in "\x7f\x9b\u202e")]
    assert "never unpickled" in letter_content(replace(detail, payload=None), NOW).plain


def test_secrets_of_a_payload_are_masked() -> None:
    detail = replace(FakeOps().dead_letters.show("job-1"), payload='{"password": "hunter2"}')
    assert "hunter2" not in letter_content(detail, NOW).plain
