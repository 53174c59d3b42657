"""The line at the bottom in which something is typed: a filter, a command line, the name of a file."""

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
class Question:
    """What is asked for. `entered` is told the line; `typed`, where there is one, each change of it, and an empty one
    where it is dropped. `complete` says how what was typed so far may go on, and is called in a thread."""

    kind: str
    hint: str
    entered: Callable[[str], object]
    value: str = ""
    typed: Callable[[str], object] | None = None
    complete: Callable[[str], str | None] | None = None


class _Completing(Suggester):
    """Asks a function, which may take its time."""

    def __init__(self, complete: Callable[[str], str | None]) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._complete = complete

    async def get_suggestion(self, value: str) -> str | None:
        """How the line may go on."""
        return await asyncio.to_thread(self._complete, value) if value else None


class Prompt(Input):
    """Asks one question at a time, and is not to be seen else."""

    DEFAULT_CSS = "Prompt { display: none; padding: 0 1; background: $boost; }"
    BINDINGS: ClassVar[list[Any]] = [Binding("escape", "drop", show=False)]

    class Closed(Message):
        """It is not to be seen any more."""

    def __init__(self, **given: Any) -> None:
        super().__init__(select_on_focus=False, compact=True, **given)
        self._question: Question | None = None

    def ask(self, question: Question) -> None:
        """Ask for a line."""
        self._question = question
        self.value = question.value
        self.cursor_position = len(self.value)
        self.placeholder = f"{question.kind} {question.hint}"
        self.suggester = _Completing(question.complete) if question.complete else None
        self.display = True
        self.screen.set_focus(self)  # at once: the next key may be here already

    def on_input_changed(self, message: Input.Changed) -> None:
        """A letter more or less."""
        message.stop()
        if self._question and self._question.typed:
            self._question.typed(message.value)

    def on_input_submitted(self, message: Input.Submitted) -> None:
        """The line is there."""
        message.stop()
        question = self._close()
        if question:
            question.entered(message.value.strip())

    def action_drop(self) -> None:
        """Somebody thought better of it."""
        question = self._close()
        if question and question.typed:
            question.typed("")

    def _close(self) -> Question | None:
        question, self._question = self._question, None
        self.display = False
        self.post_message(self.Closed())
        return question


def beginning(words: list[str]) -> Callable[[str], str | None]:
    """Completes by the first of these words that begins with what was typed."""

    def complete(typed: str) -> str | None:
        begun = typed.lower()
        return next((word for word in words if word.lower().startswith(begun) and word.lower() != begun), None)

    return complete
