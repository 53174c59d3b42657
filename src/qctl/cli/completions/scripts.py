"""Completion scripts of three shells: a table of places in the syntax of the shell, and the function that reads it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.resources import files
from pathlib import Path

from qctl.cli.completions.grammar import Place, places

HEADER = "# Generated from the command tree of qctl by `make completions`. Do not edit.\n"


def _bash(path: str, place: Place) -> str:
    takes = " ".join(f"{name}={value}" for name, (value, _) in place.takes.items())
    fields = {"verbs": " ".join(place.verbs), "flags": " ".join(place.flags), "takes": takes, "rest": place.rest}
    assignments = " ".join(f"{name}='{value}'" for name, value in fields.items())
    return f"        '{path}') {assignments} ;;"


def _zsh(path: str, place: Place) -> str:
    options = {**place.flags, **{name: description for name, (_, description) in place.takes.items()}}
    lines = [
        f"    ({_shell_word(path)})",
        f"      verbs=({_zsh_descriptions(place.verbs)})",
        f"      options=({_zsh_descriptions(options)})",
        f"      takes=({' '.join(f'{name} {_shell_word(value)}' for name, (value, _) in place.takes.items())})",
        f"      rest={_shell_word(place.rest)} ;;",
    ]
    return "\n".join(lines)


def _fish(path: str, place: Place) -> str:
    options_and_flags = {**place.flags, **{name: description for name, (_, description) in place.takes.items()}}
    verbs = " ".join(_fish_word(f"{name}\t{description}") for name, description in place.verbs.items())
    options = " ".join(_fish_word(f"{name}\t{description}") for name, description in options_and_flags.items())
    takes = " ".join(_fish_word(f"{name}={value}") for name, (value, _) in place.takes.items())
    return "\n".join(
        (
            f"        case {_fish_word(path)}",
            f"            set -g __qctl_verbs {verbs}",
            f"            set -g __qctl_options {options}",
            f"            set -g __qctl_takes {takes}",
            f"            set -g __qctl_rest {_fish_word(place.rest)}",
        )
    )


def _shell_word(text: str) -> str:
    """Quote a word for bash or zsh."""
    return "'" + text.replace("'", "'\\''") + "'"


def _fish_word(text: str) -> str:
    """Quote a word for fish, whose single quotes know two escapes."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _zsh_descriptions(words: Mapping[str, str]) -> str:
    """Format words with their descriptions for `_describe` of zsh."""
    return " ".join(_shell_word(f"{name}:{description}") for name, description in words.items())


SCRIPTS: Mapping[str, tuple[str, Callable[[str, Place], str]]] = {
    "qctl.bash": ("bash", _bash),
    "_qctl": ("zsh", _zsh),
    "qctl.fish": ("fish", _fish),
}
"""File name -> shell, and the function that formats a place for it."""


def render(name: str) -> str:
    """Render one of SCRIPTS."""
    shell, row = SCRIPTS[name]
    frame = (files("qctl.cli.completions") / f"frame.{shell}").read_text(encoding="utf-8")
    table = "\n".join(row(path, place) for path, place in places().items())
    return frame.replace("# HEADER\n", HEADER).replace("# TABLE\n", f"{table}\n")


def write(directory: Path) -> None:
    """Write all scripts into a directory."""
    for name in SCRIPTS:
        (directory / name).write_text(render(name), encoding="utf-8")
