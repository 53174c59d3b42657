"""`make audit` reads the answers of pip-audit 2.10. No test runs pip-audit itself, which needs the network."""

from __future__ import annotations

import json
from typing import Any

import audit

HOLE = {"id": "PYSEC-2018-28", "fix_versions": ["2.20.0"], "aliases": ["CVE-2018-18074"], "description": "..."}
SOUND: dict[str, Any] = {"name": "rq", "version": "3.0.0", "vulns": []}
BAD: dict[str, Any] = {"name": "requests", "version": "2.19.0", "vulns": [HOLE]}
UNKNOWN: dict[str, Any] = {
    "name": "redis",
    "skip_reason": "Dependency not found on PyPI and could not be audited: redis",
}


def judged(*packages: dict[str, Any]) -> tuple[list[str], int]:
    return audit.judge(json.dumps({"dependencies": packages, "fixes": []}))


def test_a_known_hole_fails_and_says_what_mends_it() -> None:
    lines, code = judged(SOUND, BAD)
    assert lines == [
        "requests 2.19.0: PYSEC-2018-28 CVE-2018-18074, mended in 2.20.0",
        "2 packages looked at, 1 known holes",
    ]
    assert code == 1


def test_no_known_hole_is_said() -> None:
    assert judged(SOUND) == (["1 packages looked at, 0 known holes"], 0)


def test_what_nobody_could_tell_is_never_called_sound() -> None:
    lines, code = judged(UNKNOWN)
    assert (len(lines), code) == (1, 0)
    assert lines[0].startswith("NOT AUDITED")
    assert "1 of 1 packages: redis" in lines[0]


def test_without_a_network_it_is_said_and_is_no_hole() -> None:
    lines, code = audit.judge(
        "", "Traceback (most recent call last):\n  ...\nConnectionError: Name or service not known\n"
    )
    assert lines == [
        "NOT AUDITED: the database of known holes does not answer: ConnectionError: Name or service not known"
    ]
    assert code == 0
