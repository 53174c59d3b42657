"""The three scripts: the table of places as each shell writes it, and one function that reads it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.resources import files
from pathlib import Path

from qctl.cli.completions.grammar import Place, places

HEAD = "# Made by `make completions` from the command line of qctl: change that instead.\n"


def _bash(path: str, place: Place) -> str:
    takes = " ".join(f"{name}={value}" for name, (value, _) in place.takes.items())
    fields = {"verbs": " ".join(place.verbs), "flags": " ".join(place.flags), "takes": takes, "rest": place.rest}
    given = " ".join(f"{name}='{value}'" for name, value in fields.items())
    return f"        '{path}') {given} ;;"


def _zsh(path: str, place: Place) -> str:
    options = {**place.flags, **{name: said for name, (_, said) in place.takes.items()}}
    lines = [
        f"    ({_quoted(path)})",
        f"      verbs=({_described(place.verbs)})",
        f"      options=({_described(options)})",
        f"      takes=({' '.join(f'{name} {_quoted(value)}' for name, (value, _) in place.takes.items())})",
        f"      rest={_quoted(place.rest)} ;;",
    ]
    return "\n".join(lines)


def _fish(path: str, place: Place) -> str:
    offered = {**place.flags, **{name: said for name, (_, said) in place.takes.items()}}
    verbs = " ".join(_fished(f"{name}\t{said}") for name, said in place.verbs.items())
    options = " ".join(_fished(f"{name}\t{said}") for name, said in offered.items())
    takes = " ".join(_fished(f"{name}={value}") for name, (value, _) in place.takes.items())
    return "\n".join(
        (
            f"        case {_fished(path)}",
            f"            set -g __qctl_verbs {verbs}",
            f"            set -g __qctl_options {options}",
            f"            set -g __qctl_takes {takes}",
            f"            set -g __qctl_rest {_fished(place.rest)}",
        )
    )


def _quoted(text: str) -> str:
    """A word of bash or zsh."""
    return "'" + text.replace("'", "'\\''") + "'"


def _fished(text: str) -> str:
    """A word of fish, whose single quotes know two escapes."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _described(offered: Mapping[str, str]) -> str:
    """What zsh's _describe reads."""
    return " ".join(_quoted(f"{name}:{said}") for name, said in offered.items())


SCRIPTS: Mapping[str, tuple[str, Callable[[str, Place], str]]] = {
    "qctl.bash": ("bash", _bash),
    "_qctl": ("zsh", _zsh),
    "qctl.fish": ("fish", _fish),
}
"""Each file, the shell that it is for, and how that writes a place."""


def render(name: str) -> str:
    """The text of one of SCRIPTS."""
    shell, row = SCRIPTS[name]
    frame = (files("qctl.cli.completions") / f"frame.{shell}").read_text(encoding="utf-8")
    table = "\n".join(row(path, place) for path, place in places().items())
    return frame.replace("# HEAD\n", HEAD).replace("# TABLE\n", f"{table}\n")


def write(folder: Path) -> None:
    """Write every script into a folder."""
    for name in SCRIPTS:
        (folder / name).write_text(render(name), encoding="utf-8")
