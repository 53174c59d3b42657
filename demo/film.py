"""Turns a recording of the monitor into an animated SVG: `python -m demo.film RECORDING FILE`; see `make recording`.

The picture tours the screens that were open while it was recorded, while the recorded time goes on. A line that several
frames share is stored once, so that the file stays small.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

from rich.segment import Segment
from rich.style import Style
from textual.pilot import Pilot
from textual.strip import Strip

from qctl.errors import UsageError
from qctl.tui.replay.recording import Recording
from qctl.tui.replay.replay_app import ReplayMonitor

SIZE = (110, 30)
"""Columns and lines of the picture."""

SCREENS = "1245678"
"""Keys of the screens of the tour. Those without data in the recording are left out."""

FRAMES_PER_SCREEN = 5

POSITIONS = 8
"""Positions of the recording, evenly spread, at which a screen is looked at; the last frames of those are taken."""

FRAME_SECONDS = 0.8
"""Time (s) that each frame is shown."""

READ_SECONDS = 5.0
"""Time (s) allowed for the reads of a screen."""

POLL_SECONDS = 0.05

CELL_WIDTH, LINE_HEIGHT = 8.4, 18
"""Size of a cell (px) of a monospaced font of 14 px."""

Frame = tuple[str, ...]
"""The lines of a screen, each as SVG whose top is at 0."""

FONT = "ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace"


async def shoot(recording: Recording) -> list[Frame]:
    """Take the frames of the tour. Raises UsageError if no screen of it was recorded."""
    app, frames = ReplayMonitor(recording), list[Frame]()
    async with app.run_test(size=SIZE, notifications=False) as pilot:
        for digit in SCREENS:
            app.go_to(digit)
            taken = [frame for step in range(POSITIONS) if (frame := await _shoot_at(app, pilot, recording, step))]
            frames += taken[-FRAMES_PER_SCREEN:]
    if not frames:
        raise UsageError("the recording holds none of the screens of the tour", "open them while it records")
    return frames


async def _shoot_at(app: ReplayMonitor, pilot: Pilot[str | None], recording: Recording, step: int) -> Frame | None:
    """Take the frame of one position of the recording, None if the screen was not open by then."""
    await app.seek(recording.length * step / (POSITIONS - 1))
    app.read_error, app.has_filled_page = None, False
    for _ in range(round(READ_SECONDS / POLL_SECONDS)):
        await pilot.pause(POLL_SECONDS)
        if app.has_filled_page or app.read_error:
            break
    if not app.has_filled_page:
        return None
    app.show_status("")  # what the recording does not hold is no part of the picture
    await pilot.pause()
    return tuple(map(draw_line, app.screen._compositor.render_strips()))


def draw_line(strip: Strip) -> str:
    """Draw one line: backgrounds, then texts."""
    backgrounds, texts, column = [], [], 0
    for segment in strip:
        text, width = segment.text, segment.cell_length
        left, wide = f"{column * CELL_WIDTH:g}", f"{width * CELL_WIDTH:g}"
        foreground, background = _colours(segment)
        if background:
            backgrounds.append(f'<rect x="{left}" width="{wide}" height="{LINE_HEIGHT}" fill="{background}"/>')
        if text.strip():
            bold = ' font-weight="bold"' if segment.style and segment.style.bold else ""
            texts.append(
                f'<text x="{left}" y="14" textLength="{wide}" fill="{foreground}"{bold}>{escape(_visible(text))}</text>'
            )
        column += width
    return "".join((*backgrounds, *texts))


def _visible(text: str) -> str:
    """The text without characters that XML does not allow."""
    return "".join(c if c.isprintable() else "?" for c in text).replace(" ", "\N{NO-BREAK SPACE}")


def _colours(segment: Segment) -> tuple[str, str]:
    """The colours of the text and of its background as in CSS; an unknown background is empty."""
    style = segment.style or Style()
    names = [
        colour.get_truecolor().hex if colour and not colour.is_default else ""
        for colour in (style.color, style.bgcolor)
    ]
    foreground, background = reversed(names) if style.reverse else names
    return foreground or "#e0e0e0", background


def animate(frames: Sequence[Frame]) -> str:
    """Join frames into an SVG that shows one after the other, for ever."""
    width, height = SIZE[0] * CELL_WIDTH, SIZE[1] * LINE_HEIGHT
    lines = {line: f"l{number}" for number, line in enumerate(dict.fromkeys(line for f in frames for line in f))}
    period, share = FRAME_SECONDS * len(frames), 100 / len(frames)
    style = (
        f".f{{visibility:hidden;animation:show {period:g}s step-end infinite}}"
        f"@keyframes show{{0%{{visibility:visible}}{share:.4f}%{{visibility:hidden}}}}"
        "@media (prefers-reduced-motion:reduce){.f{animation:none}.f:last-child{visibility:visible}}"
    )
    return "".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height}" font-size="14" ',
            f'font-family={quoteattr(FONT)} lengthAdjust="spacingAndGlyphs">',
            f"<title>The monitor of qctl</title><style>{style}</style>",
            f'<rect width="{width:g}" height="{height}" fill="#121212"/>',
            "<defs>",
            *(f'<g id="{name}">{line}</g>' for line, name in lines.items()),
            "</defs>",
            *(_frame(number, (lines[line] for line in frame)) for number, frame in enumerate(frames)),
            "</svg>\n",
        )
    )


def _frame(number: int, names: Iterable[str]) -> str:
    uses = "".join(f'<use href="#{name}" y="{line * LINE_HEIGHT}"/>' for line, name in enumerate(names))
    return f'<g class="f" style="animation-delay:{number * FRAME_SECONDS:g}s">{uses}</g>'


if __name__ == "__main__":
    with Recording(Path(sys.argv[1])) as opened:
        Path(sys.argv[2]).write_text(animate(asyncio.run(shoot(opened))), encoding="utf-8")
