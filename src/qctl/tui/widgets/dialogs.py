"""Windows above the page: a dialog that asks before an action, and a text."""

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
from qctl.tui.actions import Action

CONFIRM = "confirm"
"""Name of the field that takes a name to confirm an action."""


def plain(text: str) -> Content:
    """A text of several lines without markup and without control characters."""
    return Content(escape_text(text))


@dataclass(frozen=True)
class DialogField:
    """An input of a dialog. `text` is its first content, and `suggestions` complete what is typed. `lines` is the
    height of a field for several lines, 0 for a field of one line."""

    name: str
    label: str
    hint: str = ""
    text: str = ""
    suggestions: tuple[str, ...] = ()
    lines: int = 0

    def widget(self) -> Input | TextArea:
        """Make the widget of this field."""
        if self.lines:
            area = TextArea(self.text, compact=True, tab_behavior="focus", classes="typed")
            area.styles.height = self.lines
            return area
        suggester = SuggestFromList(self.suggestions, case_sensitive=False) if self.suggestions else None
        return Input(self.text, placeholder=self.hint, suggester=suggester, compact=True, classes="typed")


class ActionDialog(ModalScreen["Action | None"]):
    """Asks before an action: shows its consequence and the equal command line. The first field has the focus; Enter in
    the last one acts. Without fields, or if a name confirms the action, Cancel has it.

    `build` makes the action from the texts of the fields, and raises UsageError if it cannot; then `title` is shown.
    """

    DEFAULT_CSS = """
    ActionDialog { align: center middle; }
    ActionDialog > Vertical { width: 74; max-width: 96%; height: auto; max-height: 96%; border: round $frame-focused;
        padding: 0 2; background: $surface; }
    ActionDialog .title { text-style: bold; }
    ActionDialog .consequence { max-height: 5; }
    ActionDialog .line { color: $text-muted; margin-top: 1; height: auto; max-height: 4; }
    ActionDialog .problem { color: $text-error; height: auto; }
    ActionDialog VerticalScroll { height: auto; max-height: 13; }
    ActionDialog TextArea { background: $boost; padding: 0 1; }
    ActionDialog Horizontal { height: auto; margin-top: 1; align-horizontal: right; }
    ActionDialog Input { background: $boost; padding: 0 1; }
    ActionDialog Input:focus { background: $cursor; }
    ActionDialog Button { height: 1; border: none; margin-left: 2; min-width: 12; }
    ActionDialog Button:focus { text-style: bold reverse; }
    """
    BINDINGS: ClassVar[list[Any]] = [
        Binding("escape", "cancel", show=False),
        Binding("left,up", "app.focus_previous", show=False),
        Binding("right,down", "app.focus_next", show=False),
    ]

    def __init__(
        self, build: Callable[[Mapping[str, str]], Action], fields: Sequence[DialogField] = (), title: str = ""
    ) -> None:
        super().__init__()
        self._build = build
        self._title = title
        self._fields = list(fields)
        self._inputs = [field.widget() for field in fields]
        self._action: Action | None = None

    def compose(self) -> ComposeResult:
        """Place title, consequence, fields, command line and buttons."""
        with Vertical():
            yield Static(classes="title")
            yield Static(classes="consequence")
            with VerticalScroll(can_focus=False):
                for field, widget in zip(self._fields, self._inputs, strict=True):
                    yield Static(Content(escape_line(field.label)))
                    yield widget
            yield Static(classes="problem")
            yield Static(classes="line")
            with Horizontal():
                yield Button("Do it", id="do", compact=True)
                yield Button("Cancel", id="cancel", compact=True)

    def on_mount(self) -> None:
        """Show the action of the first texts."""
        self._show()
        asks = self._fields and not any(field.name == CONFIRM for field in self._fields)
        if asks:
            self._inputs[0].focus()
        else:
            self.query("#cancel").focus()

    @on(Input.Changed)
    @on(TextArea.Changed)
    def _show(self) -> None:
        inputs = [widget.value if isinstance(widget, Input) else widget.text for widget in self._inputs]
        texts = {field.name: text for field, text in zip(self._fields, inputs, strict=True)}
        lines = {"title": self._title, "consequence": "", "problem": "", "line": ""}
        self._action = None
        try:
            action = self._build(texts)
        except UsageError as error:
            lines["problem"] = error.message
        else:
            lines |= {
                "title": action.title,
                "consequence": action.consequence,
                "line": f"same as: {action.command_line}",
            }
            self._action = action if texts.get(CONFIRM, action.confirm) == action.confirm else None
        # Nothing is mounted any longer if the window was closed at once.
        for name, text in lines.items():
            for static in self.query(f".{name}").results(Static):
                static.update(Content(escape_line(text)))
        for button in self.query("#do").results(Button):
            button.disabled = self._action is None

    @on(Input.Submitted)
    def _submit(self, message: Input.Submitted) -> None:
        """Go to the next field; after the last one act, if the texts allow it.

        An Enter that was typed before the focus had moved counts for the field to which it moved.
        """
        field = self.focused if self.focused in self._inputs else message.input
        if field is not self._inputs[-1]:
            self.focus_next()
        elif self._action is not None:
            self.dismiss(self._action)

    @on(Button.Pressed, "#do")
    def _confirm(self) -> None:
        self.dismiss(self._action)

    @on(Button.Pressed, "#cancel")
    def action_cancel(self) -> None:
        """Close the dialog without an action."""
        self.dismiss(None)


class TextWindow(ModalScreen[None]):
    """A text to read: details, JSON, help, the output of a command."""

    DEFAULT_CSS = """
    TextWindow { align: center middle; }
    TextWindow > VerticalScroll { width: 94%; height: 90%; border: round $frame-focused;
        border-title-color: $text-primary; border-title-style: bold; border-subtitle-color: $text-muted;
        padding: 0 1; background: $surface; }
    TextWindow .text { height: auto; }
    """
    BINDINGS: ClassVar[list[Any]] = [Binding("escape,q,enter", "close", show=False), Binding("y", "copy", show=False)]

    def __init__(self, title: str, text: str | Content) -> None:
        super().__init__()
        self.heading = title
        self._content = plain(text) if isinstance(text, str) else text

    @property
    def text(self) -> str:
        """The text without colours."""
        return self._content.plain

    def compose(self) -> ComposeResult:
        """Place the text in a frame with its title."""
        with VerticalScroll() as frame:
            frame.border_title = Content(escape_line(self.heading))
            frame.border_subtitle = Content("Esc back   y copy")
            yield Static(self._content, classes="text")

    def action_close(self) -> None:
        """Close the window."""
        self.dismiss()

    def action_copy(self) -> None:
        """Copy the text, if the terminal allows it (OSC 52)."""
        self.app.copy_to_clipboard(escape_text(self.text))
        self.app.notify("copied if this terminal allows it", markup=False)
