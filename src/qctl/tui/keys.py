"""The action keys of the monitor, with footer label and help text. `app.py` binds them and the keys between screens."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Key:
    """A key and its `verb`: it calls the method `do_VERB` of the page, else of the app.

    A key may stand here with several verbs: the first that the page has a method for is called. Keys whose effect is
    hard to undo are capital letters. `display` names the key; `label` is its text in the footer, empty to hide it.
    """

    key: str
    display: str
    verb: str
    label: str
    help: str


KEYS: tuple[Key, ...] = (
    Key("p", "p", "pause", "pause/resume", "Pause or resume the queue or the schedule."),
    Key("f", "f", "fix", "fix", "Mend the problem: by its dialog, or by its command line, which Enter runs."),
    Key("r", "r", "retry", "retry", "Retry dead letters: the marked ones, this one, this cause, or this queue's."),
    Key("r", "r", "run", "run now", "Run the schedule once, now."),
    Key("X", "X", "kill", "stop job", "Stop the running job, or the worker's: it becomes a dead letter."),
    Key("Q", "Q", "quiet", "quiet", "Let the worker claim no new jobs, or claim them again."),
    Key("S", "S", "halt", "stop worker", "Stop the worker after its job."),
    Key("A", "A", "acknowledge", "ack", "Acknowledge the cause: no problem and no alert until it grows."),
    Key("n", "n", "skip", "skip next run", "Leave out the next run of the schedule."),
    Key("plus", "+", "scale", "scale", "Set the size of a pool, or the number of workers that systemd runs."),
    Key("e", "e", "change", "edit", "Change the times, arguments or policies of the schedule; the payload of a job."),
    Key("e", "e", "edit", "edit", "Edit the payload of the job; a dead letter is then retried."),
    Key("D", "D", "discard", "to trash", "Move jobs to the trash. U restores them."),
    Key("D", "D", "remove", "remove", "Delete the schedule, or cancel the job that is due later."),
    Key("C", "C", "clear", "clear", "Move all waiting jobs of the queue to the trash. Asks for the queue's name."),
    Key("U", "U", "undo", "undo", "Undo the last action of this monitor."),
    Key(
        "slash",
        "/",
        "filter",
        "filter",
        "Show only rows with a text, `!text`: without it; jobs by a condition too.",
    ),
    Key("m", "m", "move", "move", "Move jobs to another queue."),
    Key("c", "c", "cancel", "cancel", "Cancel waiting jobs: they will not run."),
    Key("F", "F", "flow", "flow", "Retry or cancel the job with all that depend on it."),
    Key("space", "Space", "mark", "mark", "Mark or unmark the row. Actions apply to all marked rows."),
    Key("colon", ":", "command", "command", "Run a command line of qctl. Right accepts the completion."),
    Key("s", "s", "sort", "sort", "Sort by the next column."),
    Key("l", "l", "logs", "logs", "Show the history of the job, or the logs of the daemon."),
    Key("y", "y", "json", "JSON", "Show the row as JSON, and copy it if the terminal allows it."),
    Key("z", "z", "freeze", "freeze", "Freeze the screen, or update it again."),
    Key("a", "a", "add", "new schedule", "Add a schedule: a job, and a cron rule or an interval."),
    Key("a", "a", "enqueue", "new job", "Enqueue a job that a running worker takes, with its arguments."),
    Key("Y", "Y", "copy", "copy id", "Copy the id or the name of the row, if the terminal allows it (OSC 52)."),
    Key("w", "w", "export", "export", "Write the rows of this screen to a file: CSV, or JSON by its name."),
    Key("x", "x", "stop", "", "Stop the running action, between two of its steps."),
    Key("i", "i", "invert", "", "Reverse the order."),
    Key("n", "n", "next", "", "Show the next page of a long list."),
    Key("b", "b", "back", "", "Show the previous page of a long list."),
    Key("g", "g", "context", "", "Go to another context of config.toml; screen 0 shows all of them."),
    Key("t", "t", "theme", "", "Choose the colours."),
    Key("question_mark", "?", "help", "help", "List all keys."),
    Key("q", "q", "quit", "quit", "Quit."),
)

NAVIGATION = (
    ("0-9 L", "Show a screen; 0 shows all contexts."),
    ("Up Down j k", "Move the cursor. Page Up, Page Down, Home and End too."),
    ("Left Right", "Choose a number of the row. Enter then shows what it counts."),
    ("Tab", "Focus the next part of the screen."),
    ("Enter", "Open the row."),
    ("Esc", "Go back: close, clear the filter, clear the marks."),
    ("Ctrl+P", "Open the command palette."),
)
"""Keys that move the cursor or the focus, for help."""

TABLE_VERBS = frozenset({"filter", "sort", "export", "add"})
"""Keys of a page that act on its table as a whole."""


def available(page: object, app: object) -> list[Key]:
    """The keys that a page or the app has methods for."""
    by_key = {key.key: key for key in reversed(KEYS) if hasattr(app, f"do_{key.verb}")}
    by_key |= {key.key: key for key in reversed(KEYS) if hasattr(page, f"do_{key.verb}")}
    return [key for key in KEYS if by_key.get(key.key) is key]


def row_keys(page: object) -> list[Key]:
    """The keys that act on the row of the cursor."""
    return [key for key in available(page, page) if key.label and key.verb not in TABLE_VERBS]
