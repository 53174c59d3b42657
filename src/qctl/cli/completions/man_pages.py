"""Manual pages: `qctl(1)`, and one for each command and noun, `qctl-queue(1)` with all its verbs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import typer

from qctl.cli.command_tree import EXIT_CODES, build
from qctl.cli.help_format import DOCUMENTATION, GLOBAL_OPTIONS_NOTE, summary

HEADER = '.\\" Generated from the command tree of qctl by `make man`. Do not edit.'


def render() -> dict[str, str]:
    """Render all pages, by their file names."""
    root = typer.main.get_command(build())
    commands: Mapping[str, Any] = root.commands  # type: ignore[attr-defined]
    pages = {"qctl.1": _page("qctl", root, _root(root))}
    for name, node in commands.items():
        pages[f"qctl-{name}.1"] = _page(f"qctl-{name}", node, [*_command(node, f"qctl {name}", "SH"), *_see_also()])
    return pages


def write(directory: Path) -> None:
    """Write all pages into a directory, and remove those of commands that are gone."""
    directory.mkdir(exist_ok=True)
    pages = render()
    for stale in set(directory.glob("qctl*.1")) - {directory / name for name in pages}:
        stale.unlink()
    for name, text in pages.items():
        (directory / name).write_text(text, encoding="utf-8")


def _page(title: str, node: Any, lines: list[str]) -> str:
    return "\n".join(
        [HEADER, f'.TH "{title.upper()}" 1 "" qctl', ".SH NAME", f"{title} \\- {_text(summary(node.help))}", *lines, ""]
    )


def _root(root: Any) -> list[str]:
    lines = [".SH SYNOPSIS", ".B qctl", "[OPTION]... COMMAND [ARGUMENT]...", ".SH COMMANDS"]
    for name, node in root.commands.items():
        lines += [".TP", f".BR qctl\\-{_text(name)} (1)", _text(f"{summary(node.help)}.")]
    return [
        *lines,
        *_options(root, "SH"),
        *_examples(root, "SH"),
        ".SH EXIT STATUS",
        *_verbatim(EXIT_CODES),
        ".SH DOCUMENTATION",
        _text(DOCUMENTATION.partition(": ")[2]),
    ]


def _see_also() -> list[str]:
    return [".SH SEE ALSO", ".BR qctl (1)"]


def _command(node: Any, path: str, level: str) -> list[str]:
    """Describe a command, or each verb of a noun under a heading of its own."""
    verbs = getattr(node, "commands", None)
    if verbs:
        return [line for name, child in verbs.items() for line in _verb(child, f"{path} {name}")]
    return [f".{level} SYNOPSIS", *_synopsis(node, path), f".{level} DESCRIPTION", *_body(node, level)]


def _verb(node: Any, path: str) -> list[str]:
    if hasattr(node, "commands"):
        return _command(node, path, "SS")
    return [f'.SH "{_text(path.upper())}"', *_synopsis(node, path), ".PP", *_body(node, "SS")]


def _synopsis(node: Any, path: str) -> list[str]:
    pieces = [piece.strip("{}") for piece in node.collect_usage_pieces(_context(node))]
    return [f".B {_text(path)}", _text(" ".join(pieces))]


def _body(node: Any, level: str) -> list[str]:
    """Write the help, the options and the examples of a command."""
    paragraphs = [" ".join(part.split()) for part in (node.help or "").split("\n\n")]
    text = [line for part in paragraphs for line in (".PP", _text(part))][1:]
    return [*text, *_options(node, level), *_examples(node, level)]


def _options(node: Any, level: str) -> list[str]:
    rows = list(_rows(node))
    lines = [line for name, help in rows for line in (".TP", f".B {_text(name)}", _text(help))]
    note = [] if node.name is None or hasattr(node, "commands") else [".PP", _text(GLOBAL_OPTIONS_NOTE)]
    return [f".{level} OPTIONS", *lines, *note] if rows else []


def _rows(node: Any) -> Iterator[tuple[str, str]]:
    context = _context(node)
    for parameter in node.get_params(context):
        record = parameter.get_help_record(context)
        if record:
            yield record[0], " ".join(record[1].split())


def _examples(node: Any, level: str) -> list[str]:
    examples = (node.epilog or "").partition("\n\n")[0].partition("\n")[2]
    return [f".{level} EXAMPLES", *_verbatim(examples)] if examples else []


def _context(node: Any) -> Any:
    return node.make_context(node.name or "qctl", [], resilient_parsing=True)


def _verbatim(text: str) -> list[str]:
    return [".nf", *(_text(line.strip()) for line in text.strip().splitlines()), ".fi"]


def _text(text: str) -> str:
    """Escape what roff interprets."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-").replace("`", "\\(ga").replace('"', "\\(dq")
    return f"\\&{escaped}" if escaped.startswith((".", "'")) else escaped
