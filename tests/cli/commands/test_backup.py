"""`qctl backup` writes complete files only; `qctl restore` reports rejected lines."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.conftest import Ran
from cli.fake import FakeOps
from qctl.errors import RedisUnreachableError
from qctl.models import Backup, RejectedLine, RestoredBackup

Qctl = Callable[..., Ran]


def test_backup_file_is_readable_only_by_its_owner(qctl: Qctl, tmp_path: Path) -> None:
    def write(put: Callable[[str], None], **_: object) -> Backup:
        put("line\n")
        return Backup({"pause": 1, "job": 2, "batch": 1, "trashed": 5})

    ran = qctl("backup", "kept.jsonl", "-o", "table", ops=FakeOps(backup__write=write))
    file = tmp_path / "kept.jsonl"
    assert file.read_text() == "line\n"
    assert file.stat().st_mode & 0o777 == 0o600
    assert "1 pause, 2 dead letters, 1 trash batch, 5 trash jobs" in ran.out
    assert qctl("backup", "kept.jsonl").code == 6
    assert qctl("backup", "kept.jsonl", "--force").code == 0


def test_failed_backup_leaves_no_file(qctl: Qctl, tmp_path: Path) -> None:
    (tmp_path / "kept.jsonl").write_text("previous backup")

    def fail(put: Callable[[str], None], **_: object) -> Backup:
        put("half\n")
        raise RedisUnreachableError("away")

    assert qctl("backup", "kept.jsonl", "--force", ops=FakeOps(backup__write=fail)).code == 4
    assert [(file.name, file.read_text()) for file in tmp_path.glob("*kept*")] == [("kept.jsonl", "previous backup")]
    assert qctl("backup", "no/such/folder/x").code == 1


def test_restore_reports_rejected_lines(qctl: Qctl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"x\n")))
    partial = RestoredBackup({"pause": 1}, 1, [RejectedLine(2, "it is not JSON")], False)
    ran = qctl("restore", "-", "-o", "table", ops=FakeOps(backup__restore=partial))
    assert ran.code == 5
    assert "line 2: it is not JSON" in ran.out
    assert "truncated" in ran.err
    nothing = RestoredBackup({}, 1, [RejectedLine(1, "it is not JSON")], True)
    assert qctl("restore", "-", ops=FakeOps(backup__restore=nothing)).code == 1
    unchanged = qctl("restore", "-", "-o", "table", ops=FakeOps(backup__restore=RestoredBackup({}, 0, [], True, 3)))
    assert unchanged.code == 0
    assert "already present, left unchanged: 3 lines" in unchanged.out
    assert qctl("restore", "nowhere.jsonl").code == 3
