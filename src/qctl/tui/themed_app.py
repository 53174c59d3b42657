"""The part of the app that knows themes: it registers and applies them, and asks for one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypedDict

from textual.app import App

from qctl.tui import themes
from qctl.tui.data import background_fetch
from qctl.tui.widgets.choice_dialog import ChoiceDialog

SaveTheme = Callable[[str], str]
"""Keeps the name of a theme for the next start. Returns a remark, empty if there is none. Raises QctlError."""


class ThemeOptions(TypedDict, total=False):
    """Options of a monitor about its colours."""

    theme: str
    save_theme: SaveTheme | None


class ThemedApp(App["str | None"]):
    """An app whose colours come from one of `themes.THEMES`. `save_theme` keeps the chosen one, None to keep none."""

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide"), (120, "-widest")]  # noqa: RUF012 - as in App
    VERTICAL_BREAKPOINTS = [(0, "-short"), (30, "-tall")]  # noqa: RUF012 - as in App

    def __init__(self, theme: str = themes.DEFAULT, save_theme: SaveTheme | None = None) -> None:
        super().__init__()
        self.register_theme(themes.HIGH_CONTRAST)
        self.theme = theme
        self._save_theme = save_theme

    def get_css_variables(self) -> dict[str, str]:
        """The colours of the theme, made readable."""
        return {**super().get_css_variables(), **themes.colours(self.current_theme)}

    def show_status(self, text: str) -> None:
        """Show one line above the keys until the next one replaces it."""
        raise NotImplementedError

    def do_theme(self) -> None:
        """Ask for a theme; the screen shows each as it is highlighted."""
        before = self.theme

        def close(name: str | None) -> None:
            self.theme = name or before
            if name is None:
                return
            self.show_status(f"theme: {name}")
            save = self._save_theme
            if save and name != before:
                background_fetch.fetch(
                    lambda: save(name), lambda remark: self.show_status(f"theme: {name}{remark}"), self.post_message
                )

        def preview(name: str) -> None:
            self.theme = name

        self.push_screen(ChoiceDialog("Theme", list(themes.THEMES), before, preview), close)
