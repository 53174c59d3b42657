"""Every key of the monitor, once: what it is bound to, what the footer says of it, and what help says."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Key:
    """A key and the `verb` that it asks for: the method `do_VERB` of the page that is shown, else of the app.

    A key may stand for several verbs: the first that the page knows is meant. What is hard to take back has a capital
    letter. `label` is what the footer says, nothing where it says nothing.
    """

    key: str
    shown: str
    verb: str
    label: str
    help: str


KEYS: tuple[Key, ...] = (
    Key("space", "Space", "mark", "mark", "Mark the row, or take its mark away. Acts are done to all that are marked."),
    Key("p", "p", "pause", "pause/resume", "Hold the queue or the schedule, or let it go on."),
    Key("r", "r", "retry", "retry", "Run dead letters again: the marked ones, this one, this cause, this queue's."),
    Key("r", "r", "run", "run now", "Run the schedule once, now."),
    Key("e", "e", "edit", "edit", "Change what the job is called with, and run a dead letter again with that."),
    Key("D", "D", "discard", "to trash", "Put jobs into the trash, from where U brings them back."),
    Key("D", "D", "remove", "remove", "Forget the schedule, or cancel the job that waits for its time."),
    Key("C", "C", "clear", "clear", "Move all that waits in the queue to the trash. Asks for its name."),
    Key("U", "U", "undo", "undo", "Undo what was done last here."),
    Key("slash", "/", "filter", "filter", "Show only rows that hold this text; `!text`: only those that do not."),
    Key("m", "m", "move", "move", "Move jobs to another queue."),
    Key("c", "c", "cancel", "cancel", "Cancel waiting jobs: they will not run."),
    Key("X", "X", "kill", "stop job", "Stop the job that runs: it becomes a dead letter."),
    Key("s", "s", "sort", "sort", "Sort by the next column."),
    Key("y", "y", "json", "JSON", "The row as JSON, copied to the clipboard too where the terminal lets us."),
    Key("z", "z", "freeze", "freeze", "Hold the picture still, or let it go on."),
    Key("a", "a", "enqueue", "new job", "Make a job: one of the catalog, with its arguments."),
    Key("l", "l", "logs", "logs", "Where the logs of it are, and what is known of how it went."),
    Key("Y", "Y", "copy", "copy id", "Copy the id or the name of the row, where the terminal lets us (OSC 52)."),
    Key("w", "w", "export", "export", "Write the rows that are shown into a file: CSV, or JSON by its name."),
    Key("x", "x", "stop", "", "Stop the act that goes on, between two of its steps."),
    Key("i", "i", "invert", "", "Turn the order round."),
    Key("n", "n", "next", "", "The next page of a long list."),
    Key("b", "b", "back", "", "The page before it."),
    Key("colon", ":", "command", "", "Run a command line of qctl. Right takes over what completes it."),
    Key("t", "t", "theme", "", "The next theme: dark, light, high contrast."),
    Key("question_mark", "?", "help", "help", "This list."),
    Key("q", "q", "quit", "quit", "Leave."),
)

MOVES = (
    ("1-9", "Screens."),
    ("Up Down j k", "Move. Page Up, Page Down, Home and End too."),
    ("Left Right", "Choose a number of the row, where Enter leads from it to what it counts."),
    ("Tab", "The next part of the screen."),
    ("Enter", "Look into it."),
    ("Esc", "Back: close, drop the filter, take marks away."),
    ("Ctrl+P", "Palette: everything by its name."),
)
"""Keys that move about, as help tells them."""
