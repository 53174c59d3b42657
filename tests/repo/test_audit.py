"""`make audit` reads the answers of pip-audit 2.10 and safety-db. No test asks the network."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import audit

HOLE = {"id": "PYSEC-2018-28", "fix_versions": ["2.20.0"], "aliases": ["CVE-2018-18074"], "description": "..."}
SOUND: dict[str, Any] = {"name": "rq", "version": "3.0.0", "vulns": []}
BAD: dict[str, Any] = {"name": "requests", "version": "2.19.0", "vulns": [HOLE]}
UNKNOWN: dict[str, Any] = {"name": "redis", "skip_reason": "Dependency not found on PyPI and could not be audited"}
PINS = {"rq": "3.0.0", "requests": "2.19.0", "redis": "4.5.0"}

MADE = 1_625_119_202
DATABASE: dict[str, Any] = {
    "$meta": {"timestamp": MADE},
    "Redis": [
        {"id": "pyup.io-1", "cve": "CVE-2023-28858", "specs": [">=4.2.0,<4.5.3"]},
        {"id": "pyup.io-2", "cve": None, "specs": ["<4"]},
        {"id": "pyup.io-3", "cve": None, "specs": ["no specifier"]},
    ],
}


def judged(*packages: dict[str, Any]) -> audit.Answer:
    return audit.judge(json.dumps({"dependencies": packages, "fixes": []}), "", PINS)


def test_a_known_hole_fails_and_says_what_mends_it() -> None:
    lines, code = audit.conclude(judged(SOUND, BAD), DATABASE, MADE)
    assert lines == ["requests 2.19.0: PYSEC-2018-28 CVE-2018-18074, mended in 2.20.0", "1 known holes"]
    assert code == 1


def test_no_known_hole_passes() -> None:
    assert audit.conclude(judged(SOUND), DATABASE, MADE) == (["0 known holes"], 0)


def test_packages_that_pypi_does_not_know_are_searched_in_the_old_database_whose_age_is_shown() -> None:
    lines, code = audit.conclude(judged(SOUND, UNKNOWN), DATABASE, MADE + 1000 * audit.DAY_SECONDS)
    assert lines == [
        "redis 4.5.0: pyup.io-1 CVE-2023-28858",
        "1 packages looked at in safety-db only, which is of 2021-07-01, 1000 days old: it knows no newer holes",
        "1 known holes",
    ]
    assert code == 1


def test_without_a_network_all_packages_are_searched_in_the_old_database() -> None:
    answer = audit.judge("", "Traceback ...\nConnectionError: Name or service not known\n", PINS)
    lines, code = audit.conclude(answer, DATABASE, MADE)
    assert lines[0] == "the database of PyPI does not answer: ConnectionError: Name or service not known"
    assert "3 packages looked at in safety-db only" in lines[2]
    assert code == 1


def test_no_database_at_all_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "pip-audit").touch()
    (tmp_path / "bin" / "pip").write_text("#!/bin/sh\necho 'no index'\nexit 1\n")
    (tmp_path / "bin" / "pip").chmod(0o755)
    assert audit.main(tmp_path) == 1
    assert "NOT AUDITED: pip-audit and safety-db cannot be installed: no index" in capsys.readouterr().out
    monkeypatch.setenv("NO_AUDIT", "1")
    assert audit.main(tmp_path) == 0
    assert "NO_AUDIT=1" in capsys.readouterr().out


def test_every_pin_is_read() -> None:
    text = audit.PINS.read_text()
    assert len(audit.pins(text)) == sum("==" in line for line in text.splitlines() if not line.startswith("#"))
