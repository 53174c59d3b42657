"""All commands of the tree, and the words that each needs to run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer

from qctl.cli import command
from qctl.cli.main import build

Path = tuple[str, ...]


def walk(node: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yield every command of the tree with its words."""
    commands = getattr(node, "commands", None)
    if commands is None:
        yield path, node
    for name, child in (commands or {}).items():
        yield from walk(child, (*path, name))


ROOT = typer.main.get_command(build())
TREE = dict(walk(ROOT))
"""Click commands by their words."""

COMMANDS = command.all_commands(build())
"""qctl's commands by their words."""

NO_DOCUMENT = {
    ("help",),
    ("report",),
    ("up",),
    ("monitor",),
    ("daemon", "logs"),
    ("metrics", "export"),
    ("job", "export"),
    ("dlq", "export"),
    ("ingest", "tail"),
}

SHARED = {
    ("queue", "list"): "stats",
    ("queue", "ls"): "stats",
    **{("queue", verb): verb for verb in ("pause", "resume", "clear")},
    ("dlq", "import"): "job.import",
    **{path: "retry" for path in TREE if path[-1] == "retry" and path[0] != "flow"},
}
"""Commands that share the schema of another one."""

RUNNABLE: dict[Path, tuple[str, ...]] = {
    ("limit", "set"): ("email", "--rate", "100/m"),
    ("limit", "clear"): ("email",),
    **{("mark", verb): ("v1.4",) for verb in ("add", "delete")},
    ("note", "add"): ("known", "--cause", "0d9c5c1fb0a7"),
    ("note", "delete"): ("--cause", "0d9c5c1fb0a7"),
    ("pause",): ("email",),
    ("resume",): ("email",),
    ("clear",): ("email", "--confirm", "email"),
    ("metrics", "reset"): ("--yes",),
    ("retry",): ("job-1",),
    ("dlq", "retry"): ("job-1",),
    ("dlq", "show"): ("job-1",),
    ("dlq", "discard"): ("job-1",),
    **{
        ("job", verb): ("job-1",)
        for verb in ("show", "explain", "logs", "wait", "retry", "cancel", "delete", "release")
    },
    ("job", "replay"): ("job-1",),
    ("flow", "show"): ("job-1",),
    **{("flow", verb): ("job-1", "--yes") for verb in ("retry", "cancel")},
    ("job", "move"): ("job-1", "--to", "other"),
    ("job", "stop"): ("job-1",),
    ("job", "edit"): ("job-1", "--data", "{}"),
    ("job", "enqueue"): ("welcome-email",),
    ("job", "export"): ("job-1",),
    ("dlq", "export"): ("job-1",),
    ("job", "import"): ("-",),
    ("dlq", "import"): ("-",),
    **{("queue", verb): ("email",) for verb in ("show", "explain", "history", "drain")},
    **{("queue", verb): ("email",) for verb in ("pause", "resume")},
    ("queue", "clear"): ("email", "--confirm", "email"),
    ("queue", "move"): ("email", "other", "--yes"),
    ("queue", "delete"): ("email", "--confirm", "email"),
    ("ingest", "push"): ("messages",),
    ("ingest", "replay"): ("readings", "--from", "sqlite", "--yes"),
    **{("ingest", "rejects", verb): ("job-1",) for verb in ("show", "retry", "discard")},
    ("trash", "restore"): ("--yes",),
    ("trash", "empty"): ("--confirm", "trash"),
    ("alert", "test"): ("late",),
    ("alert", "mute"): ("late",),
    ("schedule", "add"): ("nightly", "stock-check", "--every", "1h"),
    ("schedule", "edit"): ("nightly", "--every", "1h"),
    **{("schedule", verb): ("nightly",) for verb in ("remove", "pause", "resume", "skip", "run")},
    ("schedule", "blackout"): ("nightly", "22:00-06:00"),
    ("schedule", "backfill"): ("nightly", "--since", "7d"),
    **{("worker", verb): ("w1",) for verb in ("show", "quiet", "resume", "stop")},
    **{("daemon", verb): ("scheduler",) for verb in ("start", "stop", "restart")},
    ("worker", "scale"): ("email", "1..4"),
    ("daemon", "scale"): ("email", "2"),
    ("daemon", "install"): ("--print",),
    ("context", "show"): ("prod",),
    ("context", "use"): ("prod",),
    ("config", "init"): ("--force",),
    ("user", "create"): ("ada@example.com", "--generate"),
    ("user", "password"): ("ada@example.com", "--generate"),
    ("user", "business"): ("ada@example.com", "17"),
    ("user", "remove"): ("ada@example.com", "--yes"),
    **{("user", verb): ("ada@example.com",) for verb in ("promote", "demote", "logout")},
    ("backup",): ("kept.jsonl", "--force"),
    ("restore",): ("-",),
}
"""Words that a command needs to run."""
