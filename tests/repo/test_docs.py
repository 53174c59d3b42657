"""The pages are true: each command line in them can be read, each setting, file and link exists."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cli.lines import ROOT
from qctl import toml
from qctl.settings import Settings

ROOT_FOLDER = Path(__file__).parents[2]
GUIDES = sorted((ROOT_FOLDER / "docs").glob("*.md"))
OTHERS = [ROOT_FOLDER / name for name in ("README.md", "CONTRIBUTING.md", "ARCHITECTURE.md", "SECURITY.md")]

NAMES = re.compile(r"`((?:QCTL|REDIS|MQTT|QUEUE|TRASH|BATCH|DB|INFLUX|SMTP|MONGODB|LOG)_[A-Z0-9_]+)")

PLACEHOLDERS = {
    "QUEUE": "email",
    "ID": "job-1",
    "NAME": "name",
    "F": "f00d",
    "TRACE": "t",
    "Q": "email",
    "RULE": "0 3 * * *",
    "N": "2",
}


def lines() -> list[tuple[str, str]]:
    """Every `qctl ...` of a page, in a block or in backticks. The table of commands has a test of its own."""
    found = []
    for guide in GUIDES:
        if guide.name == "commands.md":
            continue
        text = guide.read_text()
        codes = re.findall(r"^    (qctl .+)$", text, re.MULTILINE) + re.findall(r"`(qctl [^`]+)`", text)
        found += [(guide.name, code) for code in codes if not code.startswith("qctl: ") and "\\|" not in code]
    return found


@pytest.mark.parametrize(("guide", "line"), lines())
def test_a_line_of_a_guide_can_be_read(guide: str, line: str) -> None:
    words = [PLACEHOLDERS.get(word, word) for word in shlex.split(line, comments=True)[1:]]
    command, context = ROOT, None
    while hasattr(command, "commands"):
        if not words:
            return  # it names a group of commands
        with command.make_context("qctl", list(words), parent=context, resilient_parsing=False) as context:
            pass
        words = [*context._protected_args, *context.args]
        name = words.pop(0)
        command = command.commands[name]
    if words:  # else it names the command
        command.make_context(line, words, parent=context)


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.name)
def test_a_setting_of_a_guide_is_one(guide: Path) -> None:
    assert set(NAMES.findall(guide.read_text())) <= set(Settings.names())


@pytest.mark.parametrize("guide", [*GUIDES, *OTHERS], ids=lambda guide: guide.name)
def test_a_link_of_a_page_leads_somewhere(guide: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", guide.read_text()):
        assert (guide.parent / target).exists(), target


@pytest.mark.parametrize("guide", [*GUIDES, *OTHERS], ids=lambda guide: guide.name)
def test_a_file_that_a_page_names_exists(guide: Path) -> None:
    named = re.findall(
        r"`((?:src|tests|benchmarks|deploy|systemd|daemons|demo|completions)/[\w./-]+)(?:::\w+)?`", guide.read_text()
    )
    assert not [name for name in named if not (ROOT_FOLDER / name).exists()]


def test_a_module_that_the_architecture_names_exists() -> None:
    source = ROOT_FOLDER / "src" / "qctl"
    rooms = "|".join(path.name for path in source.iterdir() if path.is_dir())
    named = re.findall(rf"`((?:{rooms})/[\w./-]*)`", (ROOT_FOLDER / "ARCHITECTURE.md").read_text())
    assert len(named) > 30
    assert not [name for name in named if not (source / name).exists() and not (ROOT_FOLDER / name).exists()]


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.name)
def test_a_page_has_its_question_as_title_and_a_place_in_the_navigation(guide: Path) -> None:
    if guide.name != "index.md":
        assert guide.read_text().split("\n", 1)[0].rstrip(".").endswith(("?", "What now?"))
    project = toml.read_toml(ROOT_FOLDER / "zensical.toml")["project"]
    assert guide.name in str(project["nav"])


@pytest.mark.skipif(sys.version_info < (3, 11), reason="zensical needs Python 3.11")
def test_the_site_builds_and_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    shutil.copytree(ROOT_FOLDER / "docs", tmp_path / "docs")
    (tmp_path / "zensical.toml").write_text((ROOT_FOLDER / "zensical.toml").read_text())
    program = Path(sys.executable).with_name("zensical")
    run = subprocess.run([program, "build", "--strict"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    pages = [page.read_text() for page in (tmp_path / "build" / "site").glob("*.html")]
    assert len(pages) > len(GUIDES)
    loaded = re.compile(r"""<(?:script|img|iframe)[^>]* src="https?://|<link[^>]* href="https?://(?!127)""")
    assert not [match[0] for page in pages for match in loaded.finditer(page) if "canonical" not in match[0]]
