"""The guides are true: every command line in them can be read, every setting that they name is one."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from cli.lines import ROOT
from qctl.settings import Settings

ROOT_FOLDER = Path(__file__).parents[2]
GUIDES = sorted((ROOT_FOLDER / "docs").glob("*.md"))

NAMES = re.compile(r"`((?:QCTL|REDIS|MQTT|QUEUE|TRASH|BATCH|DB|INFLUX|SMTP|MONGODB|LOG)_[A-Z_]+)")

PLACEHOLDERS = {
    "QUEUE": "email",
    "ID": "job-1",
    "NAME": "name",
    "F": "f00d",
    "TRACE": "t",
    "Q": "email",
    "RULE": "0 3 * * *",
}


def lines() -> list[tuple[str, str]]:
    """Every `qctl ...` of a guide, in a block of its own or in backticks."""
    found = []
    for guide in GUIDES:
        text = guide.read_text()
        codes = re.findall(r"^    (qctl .+)$", text, re.MULTILINE) + re.findall(r"`(qctl [^`]+)`", text)
        found += [(guide.name, code) for code in codes if not code.startswith("qctl: ")]
    return found


@pytest.mark.parametrize(("guide", "line"), lines())
def test_a_line_of_a_guide_can_be_read(guide: str, line: str) -> None:
    words = [PLACEHOLDERS.get(word, word) for word in shlex.split(line)[1:]]
    command, context = ROOT, None
    while hasattr(command, "commands"):
        with command.make_context("qctl", list(words), parent=context, resilient_parsing=False) as context:
            pass
        words = [*context._protected_args, *context.args]
        name = words.pop(0)
        command = command.commands[name]
    command.make_context(line, words, parent=context)


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.name)
def test_a_setting_of_a_guide_is_one(guide: Path) -> None:
    assert set(NAMES.findall(guide.read_text())) <= set(Settings.names())


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.name)
def test_a_link_of_a_guide_leads_somewhere(guide: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", guide.read_text()):
        assert (guide.parent / target).exists(), target
