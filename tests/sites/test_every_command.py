"""Every command of the tree on a site whose workers were killed, of each RQ, with stock workers and with qctl's.

None says something untrue, and the commands that it names as next steps exist and are understood.
"""

from __future__ import annotations

import io
import json
import re
import shlex

import pytest

from cli.lines import COMMANDS, TREE, Path
from qctl.broker.scheduler import rq_cron
from sites.answers import ANSWERS, STAY_OPEN, Answer
from sites.conftest import HAVE_CRON, SLOW_JOBS, Site

NEXT_STEP = re.compile(r"(?:`|: |\t|^  )(qctl [a-z][^`;\t\n]*)", re.MULTILINE)
"""A command line in an answer: between backquotes, after a colon, in a column, or on a line of its own."""


def next_steps(said: str) -> list[list[str]]:
    """Return the qctl commands that an answer names, without the sentence that may follow."""
    lines = (match.strip().rstrip(".)") for match in NEXT_STEP.findall(said))
    return [shlex.split(line.partition(" (")[0].partition(", or")[0])[1:] for line in lines]


def command_of(words: list[str]) -> Path:
    """Return the command that words begin with."""
    return next((tuple(words[:n]) for n in (3, 2, 1) if tuple(words[:n]) in TREE), ())


def problems(site: Site, path: Path, answer: Answer) -> list[str]:
    """Run a command. Returns what is wrong with what it says, with the answer."""
    code, said = site.qctl(*path, *shlex.split(answer.words))
    expected = answer.code if answer.stock_code is None or site.workers == "ours" else answer.stock_code
    wrong = [] if code == expected else [f"exit code {code}, not {expected}"]
    wrong += [f"lacks {text!r}" for text in answer.says if text not in said and code == answer.code]
    wrong += [f"says {text!r}" for text in (*answer.hides, "internal error") if text in said]
    wrong += [f"there is no command {words}" for words in next_steps(said) if not command_of(words)]
    return [f"{' '.join(path)} {answer.words}: {problem}:\n{said}" for problem in wrong]


def test_every_command_is_listed() -> None:
    local = {path for path, command in COMMANDS.items() if command.local}
    assert set(ANSWERS) == set(COMMANDS) - local - set(STAY_OPEN)


def test_every_command_says_what_is_true(killed: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong: list[str] = []
    for path, answer in ANSWERS.items():
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO()))
        wrong += problems(killed, path, answer)
        if COMMANDS[path].changes:
            killed.restore()
    assert not wrong, "\n".join(wrong)


def test_counts_are_those_of_real_jobs(killed: Site) -> None:
    _, stats = killed.qctl("stats", "--json")
    rows = {row["name"]: row for row in json.loads(stats)["queues"]}
    assert (rows["slow"]["running"], rows["slow"]["abandoned"], rows["slow"]["deferred"]) == (0, SLOW_JOBS, 2)
    assert (rows["work"]["dead"], rows["work"]["finished"], rows["work"]["ghosts"]) == (1, 1, 2)
    assert "email" not in rows


def test_rq_cron_is_listed_where_rq_keeps_its_entries_and_reported_dead(killed: Site) -> None:
    has_cron = killed.release in HAVE_CRON
    _, health = killed.qctl("health")
    assert ("its scheduler died: rq cron" in health) is has_cron
    assert ("nothing feeds reports" in health) is (killed.release == "3.0.0")
    _, listed = killed.qctl("schedule", "list")
    assert ("siteapp.give" in listed, "died" in listed) == (
        (True, True) if killed.release == "3.0.0" else (False, False)
    )
    assert killed.connection.exists(rq_cron.SCHEDULERS) == has_cron


def test_undo_lines_undo(killed: Site) -> None:
    for words in (["job", "cancel", "left-to-cancel"], ["job", "delete", "done"], ["queue", "delete", "work"]):
        confirmed = ["--confirm", "work"] if "queue" in words else []
        code, said = killed.qctl(*words, *confirmed)
        assert code == 0, said
        undo = said.partition("undo: qctl ")[2].splitlines()[0]
        assert killed.qctl(*shlex.split(undo), "--yes")[0] == 0, undo
