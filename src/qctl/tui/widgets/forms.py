"""Forms: a new job of the catalog, and another payload for one that is there."""

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
from qctl.tui.actions import Act
from qctl.tui.widgets.dialogs import ActDialog, Field

if TYPE_CHECKING:
    from qctl.ops import Ops

PAYLOAD_LINES = 10
"""Lines of a payload that are seen at once."""

Build = Callable[[Mapping[str, str]], Act]


class NewJob(ModalScreen["Act | None"]):
    """Asks which job, then with what: a field for each of its arguments."""

    DEFAULT_CSS = """
    NewJob { align: center middle; }
    NewJob > Vertical { width: 74; max-width: 96%; height: 80%; border: solid $primary; padding: 0 1;
        background: $surface; }
    NewJob .title { text-style: bold; }
    NewJob Input { background: $boost; padding: 0 1; }
    NewJob OptionList { height: 1fr; background: $surface; text-wrap: nowrap; text-overflow: ellipsis; }
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
        """A line to type into, and the jobs that hold it."""
        with Vertical():
            yield Static(Content("New job: which one?"), classes="title")
            yield Input(placeholder="a part of its name or queue; Enter takes the marked one", compact=True)
            yield OptionList(markup=False, compact=True)

    def on_mount(self) -> None:
        """All of them."""
        self._offer("")

    @on(Input.Changed)
    def _typed(self, message: Input.Changed) -> None:
        self._offer(message.value.strip().lower())

    def _offer(self, part: str) -> None:
        wide = max(map(len, self._jobs), default=0)
        found = [
            Option(escape_line(f"{name:<{wide}}  {spec.queue:<12}  {spec.doc}"), id=name)
            for name, spec in self._jobs.items()
            if part in f"{name} {spec.queue}".lower()
        ]
        for offered in self.query(OptionList):  # there is none any more where it was closed at once
            offered.clear_options().add_options(found)
            offered.highlighted = 0 if found else None

    def action_move(self, by: int) -> None:
        """Another job."""
        offered = self.query_one(OptionList)
        (offered.action_cursor_down if by > 0 else offered.action_cursor_up)()

    @on(Input.Submitted)
    def _entered(self) -> None:
        self.query_one(OptionList).action_select()

    @on(OptionList.OptionSelected)
    def _chosen(self, message: OptionList.OptionSelected) -> None:
        spec = self._jobs[str(message.option_id)]
        build, fields = new_job(self._ops, spec)

        def decided(act: Act | None) -> None:
            self.dismiss(act)

        self.app.push_screen(ActDialog(build, fields, f"Enqueue {spec.name}"), decided)

    def action_cancel(self) -> None:
        """Make none."""
        self.dismiss(None)


def new_job(ops: Ops, spec: JobSpec) -> tuple[Build, list[Field]]:
    """What makes a job of what is typed, and the fields that it is typed into."""
    fields = [
        Field(one.name, _label(one), one.doc or ", ".join(one.choices), words=one.choices or _words(one))
        for one in spec.arguments
    ]
    fields.append(Field(actions.DELAY, "run it after (a duration, may be empty):", "90s, 30m, 2d"))
    return lambda typed: actions.enqueue(ops, spec, typed), fields


def _label(argument: Argument) -> str:
    return f"{argument.name} ({argument.accepts}{', needed' if argument.required else ', may be empty'}):"


def _words(argument: Argument) -> tuple[str, ...]:
    return ("true", "false") if argument.kind == "flag" else ()


def edited(ops: Ops, job: EditablePayload, *, again: bool) -> tuple[Build, list[Field]]:
    """What edits a job as is typed, and the field with its payload."""
    field = Field(
        "payload", "What it is called with (JSON; Tab leaves it):", text=visible(job.text), lines=PAYLOAD_LINES
    )
    return lambda typed: actions.edit(ops, job, typed["payload"], again=again), [field]


def visible(text: str) -> str:
    """JSON that means the same, where what a terminal obeys is written as `\\u001b`."""
    return "".join(c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in text)
