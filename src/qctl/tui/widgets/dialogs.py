"""Windows over the screen: one that asks before an act, one that shows a text."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.suggester import SuggestFromList
from textual.widgets import Button, Input, Static, TextArea

from qctl.errors import UsageError
from qctl.safe import escape_line, escape_text
from qctl.tui.actions import Act


def plain(text: str) -> Content:
    """A text of many lines as it is: no markup, nothing that a terminal obeys."""
    return Content(escape_text(text))


@dataclass(frozen=True)
class Field:
    """Something to type into a dialog. `text` is there already, `words` complete what is typed; `lines` is how many
    lines are shown of what may have several, 0 for one line."""

    name: str
    label: str
    hint: str = ""
    text: str = ""
    words: tuple[str, ...] = ()
    lines: int = 0

    def box(self) -> Input | TextArea:
        """What it is typed into."""
        if self.lines:
            area = TextArea(self.text, compact=True, tab_behavior="focus", classes="typed")
            area.styles.height = self.lines
            return area
        suggester = SuggestFromList(self.words, case_sensitive=False) if self.words else None
        return Input(self.text, placeholder=self.hint, suggester=suggester, compact=True, classes="typed")


class ActDialog(ModalScreen["Act | None"]):
    """Asks before an act: what will happen, to how many, and the command line that does the same. Cancel is focused.

    `build` makes the act of what was typed, and raises UsageError where it cannot be; `title` is said until it can.
    """

    DEFAULT_CSS = """
    ActDialog { align: center middle; }
    ActDialog > Vertical { width: 74; max-width: 96%; height: auto; max-height: 96%; border: solid $primary;
        padding: 0 1; background: $surface; }
    ActDialog .title { text-style: bold; }
    ActDialog .consequence { max-height: 5; }
    ActDialog .line { color: $text-muted; margin-top: 1; height: auto; max-height: 4; }
    ActDialog .problem { color: $text-error; height: auto; }
    ActDialog VerticalScroll { height: auto; max-height: 13; }
    ActDialog TextArea { background: $boost; padding: 0 1; }
    ActDialog Horizontal { height: auto; margin-top: 1; align-horizontal: right; }
    ActDialog Input { background: $boost; padding: 0 1; }
    ActDialog Input:focus { background: $primary-muted; }
    ActDialog Button { height: 1; border: none; margin-left: 2; min-width: 12; }
    ActDialog Button:focus { text-style: bold reverse; }
    """
    BINDINGS: ClassVar[list[Any]] = [
        Binding("escape", "cancel", show=False),
        Binding("left,up", "app.focus_previous", show=False),
        Binding("right,down", "app.focus_next", show=False),
    ]

    def __init__(
        self, build: Callable[[Mapping[str, str]], Act], fields: Sequence[Field] = (), title: str = ""
    ) -> None:
        super().__init__()
        self._build = build
        self._title = title
        self._fields = list(fields)
        self._boxes = [field.box() for field in fields]
        self._act: Act | None = None

    def compose(self) -> ComposeResult:
        """Title, consequence, fields, command line, buttons."""
        with Vertical():
            yield Static(classes="title")
            yield Static(classes="consequence")
            with VerticalScroll(can_focus=False):
                for field, box in zip(self._fields, self._boxes, strict=True):
                    yield Static(Content(escape_line(field.label)))
                    yield box
            yield Static(classes="problem")
            yield Static(classes="line")
            with Horizontal():
                yield Button("Do it", id="do", compact=True)
                yield Button("Cancel", id="cancel", compact=True)

    def on_mount(self) -> None:
        """Nothing is typed yet."""
        self._tell()
        self.query("#cancel").focus()

    @on(Input.Changed)
    @on(TextArea.Changed)
    def _tell(self) -> None:
        written = [box.value if isinstance(box, Input) else box.text for box in self._boxes]
        typed = {field.name: text for field, text in zip(self._fields, written, strict=True)}
        told = {"title": self._title, "consequence": "", "problem": "", "line": ""}
        self._act = None
        try:
            act = self._build(typed)
        except UsageError as error:
            told["problem"] = error.message
        else:
            told |= {"title": act.title, "consequence": act.consequence, "line": f"the same: {act.line}"}
            self._act = act if typed.get("confirm", act.confirm) == act.confirm else None
        # There is nothing to tell it in any more where the window was closed at once.
        for name, text in told.items():
            for line in self.query(f".{name}").results(Static):
                line.update(Content(escape_line(text)))
        for button in self.query("#do").results(Button):
            button.disabled = self._act is None

    @on(Input.Submitted)
    def _go_on(self) -> None:
        self.focus_next()

    @on(Button.Pressed, "#do")
    def _do(self) -> None:
        self.dismiss(self._act)

    @on(Button.Pressed, "#cancel")
    def action_cancel(self) -> None:
        """Leave all as it is."""
        self.dismiss(None)


class Sheet(ModalScreen[None]):
    """A text to read: details, JSON, help, what a command said."""

    DEFAULT_CSS = """
    Sheet { align: center middle; }
    Sheet > VerticalScroll { width: 94%; height: 90%; border: solid $primary; padding: 0 1; background: $surface; }
    Sheet .text { height: auto; }
    """
    BINDINGS: ClassVar[list[Any]] = [Binding("escape,q,enter", "close", show=False), Binding("y", "copy", show=False)]

    def __init__(self, title: str, text: str) -> None:
        super().__init__()
        self.heading = title
        self.text = text

    def compose(self) -> ComposeResult:
        """The text, in a frame with its title."""
        with VerticalScroll() as frame:
            frame.border_title = Content(escape_line(self.heading))
            frame.border_subtitle = Content("Esc back   y copy")
            yield Static(plain(self.text), classes="text")

    def action_close(self) -> None:
        """Back."""
        self.dismiss()

    def action_copy(self) -> None:
        """Copy it, where the terminal allows that (OSC 52)."""
        self.app.copy_to_clipboard(escape_text(self.text))
        self.app.notify("copied, if this terminal allows it", markup=False)
