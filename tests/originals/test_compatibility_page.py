"""docs/compatibility.md: every promise names a test or a page that shows it, and these exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from qctl.settings.profiles import PROFILES

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "compatibility.md"

HEAD = "| it promised | in qctl | shown by |"
_CELL = re.compile(r"(?<!\\)\|")
_LINK = re.compile(r"\[[^]]+\]\(([a-z-]+\.md)(?:#([a-z0-9-]+))?\)")


def promises() -> list[list[str]]:
    """The rows of the tables of promises, as cells."""
    rows: list[list[str]] = []
    inside = False
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        inside = line == HEAD or (inside and line.startswith("|"))
        if inside and line != HEAD and not line.startswith("|---"):
            rows.append([cell.strip() for cell in _CELL.split(line)[1:-1]])
    return rows


def anchors(page: Path) -> set[str]:
    """Anchors of the headings of a page."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-") for title in titles}


def test_there_is_a_table_for_each_original() -> None:
    assert PAGE.read_text(encoding="utf-8").count(HEAD) == len(PROFILES)


@pytest.mark.parametrize("row", promises(), ids=lambda row: row[0][:40])
def test_a_promise_names_what_shows_it(row: list[str]) -> None:
    assert len(row) == 3
    promise, _, shown = row
    if link := _LINK.fullmatch(shown):
        page = PAGE.with_name(link[1])
        assert page.exists(), promise
        assert link[2] is None or link[2] in anchors(page), promise
    else:
        assert re.fullmatch(r"`tests/[a-z_/]+(\.py)?`", shown), promise
        path = ROOT / shown.strip("`")
        assert path.exists(), promise
        tests = [path] if path.suffix else list(path.rglob("test_*.py"))
        assert any("\ndef test_" in test.read_text(encoding="utf-8") for test in tests), promise
