"""The part of the app that knows what it was started with: contexts, and a command line."""

from __future__ import annotations

from collections.abc import Callable

from qctl.tui.data.site_list import SiteList
from qctl.tui.pages.fleet import NO_CONTEXTS
from qctl.tui.themed_app import SaveTheme, ThemedApp
from qctl.tui.widgets.choice_dialog import ChoiceDialog
from qctl.tui.widgets.prompt import PromptRequest

NO_COMMAND_LINE = "the command line is disabled here"


class SessionApp(ThemedApp):
    """An app that can switch to one of `sites`, by ending with its name, and that runs command lines with `run`."""

    def __init__(
        self,
        sites: SiteList | None,
        run: Callable[[str], str] | None,
        complete: Callable[[str], str | None] | None,
        *,
        theme: str,
        save_theme: SaveTheme | None,
    ) -> None:
        super().__init__(theme, save_theme)
        self.sites = sites
        self._run = run
        self._complete = complete

    def show_text(self, title: str, produce: Callable[[], str]) -> None:
        """Produce a text in a thread and show it in a window."""
        raise NotImplementedError

    def prompt(self, request: PromptRequest) -> None:
        """Ask for one line of text."""
        raise NotImplementedError

    def switch_to(self, context: str) -> None:
        """End, so that the monitor starts again with another context."""
        if self.sites is None:
            self.show_status(NO_CONTEXTS)
        elif context == self.sites.current:
            self.show_status(f"{context} is shown")
        else:
            self.exit(context)

    def do_context(self) -> None:
        """Ask for another context."""
        if self.sites is None:
            self.show_status(NO_CONTEXTS)
            return

        def close(name: str | None) -> None:
            if name is not None:
                self.switch_to(name)

        self.push_screen(ChoiceDialog("Context", self.sites.names, self.sites.current), close)

    def do_command(self) -> None:
        """Ask for a command line."""
        if self._run is None:
            self.show_status(NO_COMMAND_LINE)
        else:
            hint = "a command line without `qctl`: stats email --json"
            self.prompt(PromptRequest(":", hint, self.run_command, complete=self._complete))

    def run_command(self, line: str) -> None:
        """Run `qctl LINE` and show its output."""
        if (run := self._run) is None:
            self.show_status(f"{NO_COMMAND_LINE}: qctl {line}")
        elif line:
            self.show_text(f"qctl {line}", lambda: run(line))
