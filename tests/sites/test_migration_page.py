"""The page about coming from RQ, walked as it is written: every command of it on a site of RQ 2.6."""

from __future__ import annotations

import re
from pathlib import Path
from shlex import split

import pytest

from sites.conftest import Site

PAGE = Path(__file__).parents[2] / "docs" / "migration.md"

VALUES = {"QUEUE": "work", "Q": "work", "ID": "left"}
"""Names on the site for the placeholders of the page."""

NOT_WALKED = ("qctl monitor", "qctl stats --watch", "qctl schedule add NAME", "qctl job cancel -", "qctl job list -o")
"""Beginnings of commands that stay open, that need a file, or that other tests run through a pipe."""

CONFIRMED = {"clear": ("--confirm", "work"), "delete": ("--confirm", "work", "--force"), "--all": ("--yes",)}
"""Words that answer the question of a command, by one of its words."""

FAILS_ON_THIS_SITE = {"health": {1}, "doctor": {1}, "stop": {0, 6}, "retry": {0, 5}}
"""Exit codes by the command's word: the site has problems, which the page says will be found."""


def commands() -> list[str]:
    """Return the commands of the page that name what they act on, in their order."""
    text = PAGE.read_text(encoding="utf-8").partition("## From Bull")[0]
    found = dict.fromkeys(re.findall(r"`(qctl [^`]+)`", text))
    short = {"qctl job cancel", "qctl job show", "qctl retry", "qctl retry --all"}
    return [line for line in found if not line.startswith(NOT_WALKED) and line not in short]


@pytest.mark.parametrize("site", [("2.6.0", "stock")], indirect=True)
def test_each_command_of_the_page_does_what_it_says(killed: Site) -> None:
    walked = commands()
    assert len(walked) >= 12
    for line in walked:
        values = {**VALUES, "ID": "waits"} if "release" in line else VALUES
        words = [values.get(word, word) for word in split(line)[1:]]
        words += [more for word in words for more in CONFIRMED.get(word, ())]
        code, said = killed.qctl(*words)
        allowed = next((FAILS_ON_THIS_SITE[word] for word in words if word in FAILS_ON_THIS_SITE), {0})
        assert code in allowed, f"{line}: {code}: {said}"
        assert "internal error" not in said


def test_every_placeholder_of_the_page_is_known() -> None:
    placeholders = {word for line in commands() for word in split(line) if word.isupper()}
    assert placeholders <= {*VALUES, "NAME", "JOB", "RULE"}
