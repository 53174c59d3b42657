"""Colour themes of the monitor, and the colours that it derives from a theme.

A theme's own tints may be too weak to read, and its muted texts are transparent. `colours` replaces them by solid
colours that have the contrast of WCAG AA on every background that the monitor uses.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from textual.color import Color
from textual.theme import BUILTIN_THEMES, Theme

HIGH_CONTRAST = Theme(
    "high-contrast", primary="#ffff00", foreground="#ffffff", background="#000000", surface="#000000", panel="#444444",
    success="#00ff00", warning="#ffff00", error="#ff8080", dark=True,
)  # fmt: skip

DEFAULT = "textual-dark"

THEMES: Mapping[str, Theme] = {
    **{name: theme for name, theme in BUILTIN_THEMES.items() if not theme.ansi},
    HIGH_CONTRAST.name: HIGH_CONTRAST,
}
"""Themes that can be chosen. Those of 16 colours are left out: what a terminal makes of them is not known."""

MIN_CONTRAST = 4.5
"""Least ratio of the luminances of a text and its background (WCAG 2, AA)."""

BLEND_STEPS = 20
"""Steps from a colour to black or white in the search for enough contrast."""

MAX_TINT_PERCENT, MIN_TINT_PERCENT = 28, 7
"""Shares of the accent in the background of the selected row: as much as its texts allow."""

BLACK, WHITE = Color(0, 0, 0), Color(255, 255, 255)


def contrast(first: Color, second: Color) -> float:
    """The ratio of two colours' luminances, from 1 to 21 (WCAG 2)."""
    lower, higher = sorted((_luminance(first), _luminance(second)))
    return (higher + 0.05) / (lower + 0.05)


def _luminance(colour: Color) -> float:
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in colour.normalized
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def readable(colour: Color, backgrounds: Iterable[Color]) -> Color:
    """The nearest colour towards black or white that can be read on all backgrounds; the best one if none can."""
    grounds = list(backgrounds)

    def worst(candidate: Color) -> float:
        return min(contrast(candidate, ground) for ground in grounds)

    end = max((BLACK, WHITE), key=worst)
    candidates = (colour.blend(end, step / BLEND_STEPS) for step in range(BLEND_STEPS + 1))
    return next((candidate for candidate in candidates if worst(candidate) >= MIN_CONTRAST), end)


def _tinted(surface: Color, tint: Color, text: Color) -> Color:
    """The strongest tint of a surface on which this text can still be read."""
    steps = (surface.blend(tint, percent / 100) for percent in range(MAX_TINT_PERCENT, MIN_TINT_PERCENT, -1))
    return next((ground for ground in steps if contrast(text, ground) >= MIN_CONTRAST), surface.blend(tint, 0.07))


def colours(theme: Theme) -> dict[str, str]:
    """The colours of a theme that the monitor uses, by the names of its style sheets."""
    base = {name: text for name, text in theme.to_color_system().generate().items() if text.startswith("#")}
    surface, primary = Color.parse(base["surface"]).with_alpha(1.0), Color.parse(base["primary"])
    foreground = Color.parse(base["foreground"])
    bar, field = surface.blend(primary, 0.07), surface.blend(foreground, 0.06)
    muted = readable(surface.blend(foreground, 0.62), (surface, bar, field))
    cursor, blurred = _tinted(surface, primary, muted), surface.blend(foreground, 0.06)
    grounds = (surface, cursor, blurred, bar, field)

    def text(colour: Color) -> str:
        return readable(colour, grounds).hex

    solid = {
        "foreground": text(foreground),
        "text": text(foreground),
        "text-muted": text(muted),
        "text-disabled": text(muted),
        **{
            f"text-{name}": text(Color.parse(base[name]))
            for name in ("primary", "success", "warning", "error", "accent")
        },
        "panel": bar.hex,
        "boost": field.hex,
        "cursor": cursor.hex,
        "cursor-blurred": blurred.hex,
        "frame": surface.blend(foreground, 0.28).hex,
        "frame-focused": readable(primary, (surface,)).hex,
    }
    alarm = Color.parse(base["error"])
    solid |= {"alarm": alarm.hex, "alarm-text": max((BLACK, WHITE), key=lambda end: contrast(end, alarm)).hex}
    chosen = Color.parse(solid["frame-focused"])
    solid |= {"chosen": chosen.hex, "chosen-text": max((BLACK, WHITE), key=lambda end: contrast(end, chosen)).hex}
    return solid | {
        "block-cursor-background": solid["cursor"],
        "block-cursor-foreground": solid["foreground"],
        "block-cursor-blurred-background": solid["cursor-blurred"],
        "block-cursor-blurred-foreground": solid["foreground"],
        "border": solid["frame-focused"],
        "border-blurred": solid["frame"],
        "scrollbar": solid["frame"],
        "scrollbar-background": surface.hex,
        "scrollbar-corner-color": surface.hex,
    }
