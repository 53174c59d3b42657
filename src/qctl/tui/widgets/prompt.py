"""The prompt at the bottom of the screen: asks for a filter, a command line, or the name of a file."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from textual.binding import Binding
from textual.message import Message
from textual.suggester import Suggester
from textual.widgets import Input


@dataclass(frozen=True)
class PromptRequest:
    """A request for one line. `sign` and `hint` are shown in the empty prompt, `value` is its first text.

    `submitted` gets the line. `changed`, if given, gets each change of it, and an empty line if the prompt is closed.
    `complete` returns how the text may continue; it is called in a thread.
    """

    sign: str
    hint: str
    submitted: Callable[[str], object]
    value: str = ""
    changed: Callable[[str], object] | None = None
    complete: Callable[[str], str | None] | None = None


class _ThreadedSuggester(Suggester):
    """Suggests the result of a function that may take its time."""

    def __init__(self, complete: Callable[[str], str | None]) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._complete = complete

    async def get_suggestion(self, value: str) -> str | None:
        """Return how the line may continue."""
        return await asyncio.to_thread(self._complete, value) if value else None


class Prompt(Input):
    """Handles one request at a time, and is hidden between requests."""

    DEFAULT_CSS = "Prompt { display: none; padding: 0 1; background: $boost; }"
    BINDINGS: ClassVar[list[Any]] = [Binding("escape", "close", show=False)]

    class Closed(Message):
        """The prompt was hidden."""

    def __init__(self, **options: Any) -> None:
        super().__init__(select_on_focus=False, compact=True, **options)
        self._request: PromptRequest | None = None

    def open(self, request: PromptRequest) -> None:
        """Ask for a line."""
        self._request = request
        self.value = request.value
        self.cursor_position = len(self.value)
        self.placeholder = f"{request.sign} {request.hint}"
        self.suggester = _ThreadedSuggester(request.complete) if request.complete else None
        self.display = True
        self.screen.set_focus(self)  # at once, because the next key may already be in the queue

    def on_input_changed(self, message: Input.Changed) -> None:
        """Pass on a change."""
        message.stop()
        if self._request and self._request.changed:
            self._request.changed(message.value)

    def on_input_submitted(self, message: Input.Submitted) -> None:
        """Pass on the line."""
        message.stop()
        request = self._hide()
        if request:
            request.submitted(message.value.strip())

    def action_close(self) -> None:
        """Close the prompt without a line."""
        request = self._hide()
        if request and request.changed:
            request.changed("")

    def _hide(self) -> PromptRequest | None:
        request, self._request = self._request, None
        self.display = False
        self.post_message(self.Closed())
        return request


def complete_by_prefix(words: list[str]) -> Callable[[str], str | None]:
    """A completion by the first of the words that begins with the text."""

    def complete(text: str) -> str | None:
        prefix = text.lower()
        return next((word for word in words if word.lower().startswith(prefix) and word.lower() != prefix), None)

    return complete
