"""Lines of `view` as content of a widget: hostile characters escaped, styles as colours of the theme."""

from __future__ import annotations

from collections.abc import Iterable

from textual.content import Content

from qctl.safe import escape_text, redact
from qctl.view import Cell, Style

COLOURS: dict[Style, str] = {
    "": "",
    "dim": "$text-muted",
    "good": "$text-success",
    "warn": "$text-warning",
    "bad": "$text-error",
}


def cells_content(cells: Iterable[Cell]) -> Content:
    """Lines, each with the colour of its style. Secrets are redacted."""
    return Content("\n").join(Content.styled(escape_text(redact(cell.text)), COLOURS[cell.style]) for cell in cells)
