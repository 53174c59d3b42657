"""Colour themes of the monitor."""

from textual.theme import Theme

HIGH_CONTRAST = Theme(
    "high-contrast", primary="#ffff00", foreground="#ffffff", background="#000000", surface="#000000", panel="#444444",
    success="#00ff00", warning="#ffff00", error="#ff8080", dark=True,
)  # fmt: skip

THEMES = ("textual-dark", "textual-light", "high-contrast")
"""Themes in the order in which `t` switches through them."""
