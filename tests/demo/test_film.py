"""A recording becomes an animated SVG that is small and holds nothing but text and shapes."""

from __future__ import annotations

import asyncio
import importlib.util
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from qctl.errors import UsageError
from qctl.tui.replay.recorder import RecordingFile, record
from qctl.tui.replay.recording import Recording
from tui.fake import MonitorOps

_SPEC = importlib.util.spec_from_file_location("film", Path(__file__).parents[2] / "demo/film.py")
assert _SPEC is not None
assert _SPEC.loader is not None
film: Any = importlib.util.module_from_spec(_SPEC)  # `demo` is the name of this folder too
_SPEC.loader.exec_module(film)

SVG = "{http://www.w3.org/2000/svg}"

MAX_BYTES = 300_000


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    """A recording of two screens."""
    path = tmp_path / "kept.jsonl"
    file = RecordingFile(path, "redis://localhost:6379/0")
    ops: Any = MonitorOps()
    data = record(ops, file)
    data.stats.read()
    data.workers.list(None)
    data.daemons.list()
    file.close()
    return path


def test_a_recording_becomes_a_small_animation(recorded: Path) -> None:
    with Recording(recorded) as recording:
        frames = asyncio.run(film.shoot(recording))
    svg = film.animate(frames)
    root = ElementTree.fromstring(svg)  # noqa: S314 - written here
    shown = [group for group in root.findall(f"{SVG}g") if group.get("class") == "f"]
    assert len(shown) == len(frames) >= 2
    assert {len(group) for group in shown} == {film.SIZE[1]}
    assert "sensor-data" in svg
    assert len(svg.encode()) < MAX_BYTES
    assert {element.tag.removeprefix(SVG) for element in root.iter()} <= {
        *("svg", "title", "style", "rect", "defs", "g", "text", "use")
    }


def test_hostile_text_stays_text() -> None:
    line = film.draw_line(Strip([Segment("</text><script>\x1b&", Style(color="#ff0000", bold=True))]))
    assert "<script" not in line
    assert "\x1b" not in line
    ElementTree.fromstring(film.animate([(line,)]))  # noqa: S314 - written here


def test_a_recording_without_any_screen_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "empty.jsonl"
    RecordingFile(path, "redis://localhost:6379/0").close()
    with Recording(path) as recording, pytest.raises(UsageError, match="none of the screens"):
        asyncio.run(film.shoot(recording))
