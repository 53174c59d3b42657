"""Forms: a new job of the catalog, and another payload for an existing job."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from qctl.catalog.arguments import Argument
from qctl.catalog.specs import JobSpec
from qctl.models import EditablePayload
from qctl.safe import escape_line
from qctl.tui import actions
from qctl.tui.actions import Action
from qctl.tui.widgets.dialogs import ActionDialog, DialogField

if TYPE_CHECKING:
    from qctl.ops import Ops

PAYLOAD_LINES = 10
"""Visible lines of a payload; a longer one scrolls."""

NO_JOB = "No running worker takes a job that qctl knows. A plain one: qctl job enqueue --function PATH"

BuildAction = Callable[[Mapping[str, str]], Action]
"""Makes an action from the texts of a form by the names of its fields. Raises UsageError."""


class NewJobDialog(ModalScreen["Action | None"]):
    """Asks for one of the jobs that running workers take, then for its arguments."""

    DEFAULT_CSS = """
    NewJobDialog { align: center middle; }
    NewJobDialog > Vertical { width: 74; max-width: 96%; height: 80%; border: round $frame-focused; padding: 0 1;
        background: $surface; }
    NewJobDialog .title { text-style: bold; }
    NewJobDialog Input { background: $boost; padding: 0 1; }
    NewJobDialog OptionList { height: 1fr; background: $surface; text-wrap: nowrap; text-overflow: ellipsis; }
    """
    BINDINGS: ClassVar[list[Any]] = [
        Binding("escape", "cancel", show=False),
        Binding("up", "move(-1)", show=False, priority=True),
        Binding("down", "move(1)", show=False, priority=True),
    ]

    def __init__(self, ops: Ops, jobs: Mapping[str, JobSpec]) -> None:
        super().__init__()
        self._ops = ops
        self._jobs = dict(sorted(jobs.items()))

    def compose(self) -> ComposeResult:
        """Place an input, and the jobs that contain its text."""
        with Vertical():
            yield Static(Content("New job: choose one" if self._jobs else NO_JOB), classes="title")
            yield Input(placeholder="part of a name or a queue; Enter takes the highlighted job", compact=True)
            yield OptionList(markup=False, compact=True)

    def on_mount(self) -> None:
        """List all jobs."""
        self._list("")

    @on(Input.Changed)
    def _typed(self, message: Input.Changed) -> None:
        self._list(message.value.strip().lower())

    def _list(self, part: str) -> None:
        width = max(map(len, self._jobs), default=0)
        options = [
            Option(escape_line(f"{name:<{width}}  {spec.queue:<12}  {spec.doc}"), id=name)
            for name, spec in self._jobs.items()
            if part in f"{name} {spec.queue}".lower()
        ]
        for widget in self.query(OptionList):  # not mounted any longer if the window was closed at once
            widget.clear_options().add_options(options)
            widget.highlighted = 0 if options else None

    def action_move(self, by: int) -> None:
        """Highlight another job."""
        widget = self.query_one(OptionList)
        (widget.action_cursor_down if by > 0 else widget.action_cursor_up)()

    @on(Input.Submitted)
    def _submitted(self) -> None:
        self.query_one(OptionList).action_select()

    @on(OptionList.OptionSelected)
    def _selected(self, message: OptionList.OptionSelected) -> None:
        spec = self._jobs[str(message.option_id)]
        build, fields = new_job_form(self._ops, spec)

        def close(action: Action | None) -> None:
            self.dismiss(action)

        self.app.push_screen(ActionDialog(build, fields, f"Enqueue {spec.name}"), close)

    def action_cancel(self) -> None:
        """Close the dialog without a job."""
        self.dismiss(None)


def new_job_form(ops: Ops, spec: JobSpec) -> tuple[BuildAction, list[DialogField]]:
    """The form of a new job: one field for each argument, and one for a delay."""
    fields = [
        DialogField(
            argument.name,
            _label(argument),
            argument.doc or ", ".join(argument.choices),
            suggestions=argument.choices or _suggestions(argument),
        )
        for argument in spec.arguments
    ]
    fields.append(DialogField(actions.DELAY, "delay (a duration, optional):", "90s, 30m, 2d"))
    return lambda texts: actions.enqueue(ops, spec, texts), fields


def _label(argument: Argument) -> str:
    return f"{argument.name} ({argument.accepts}, {'required' if argument.required else 'optional'}):"


def _suggestions(argument: Argument) -> tuple[str, ...]:
    return ("true", "false") if argument.kind == "flag" else ()


def payload_form(ops: Ops, job: EditablePayload, *, retry: bool) -> tuple[BuildAction, list[DialogField]]:
    """The form of another payload for a job, which is retried with it if asked to."""
    field = DialogField(
        "payload", "Payload (JSON; Tab leaves the field):", text=visible_json(job.text), lines=PAYLOAD_LINES
    )
    return lambda texts: actions.edit(ops, job, texts["payload"], retry=retry), [field]


def visible_json(text: str) -> str:
    """Equal JSON in which characters that control a terminal are written as escapes, such as `\\u001b`."""
    return "".join(c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in text)
