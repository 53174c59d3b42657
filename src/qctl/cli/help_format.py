"""Help pages: examples, titled groups of options and commands with the most used first, and a link to the docs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from typer.core import TyperCommand, TyperGroup

COMMANDS = "COMMANDS"
ARGUMENTS = "ARGUMENTS"
JOB_SELECTION = "JOB SELECTION"
OPTIONS = "OPTIONS"
PLAIN_JOB = "PLAIN RQ JOB"
OUTPUT = "OUTPUT"
GLOBAL_OPTIONS = "GLOBAL OPTIONS"

GROUPS = (ARGUMENTS, JOB_SELECTION, OPTIONS, PLAIN_JOB, OUTPUT, GLOBAL_OPTIONS)
"""Groups of parameters in the order of the page. A parameter names its group as `rich_help_panel`."""

DOCUMENTATION = "Documentation: https://github.com/qctl/qctl/tree/main/docs"
"""Last line of each page."""

GLOBAL_OPTIONS_NOTE = "Also --context, --redis-url and the others of `qctl --help`."

MAX_NAME_WIDTH = 28
"""Width (cells) of the left column. The text of a longer name starts on the next line."""

Rows = Sequence[tuple[str, str]]


class HelpCommand(TyperCommand):
    """A command with a grouped help page."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write examples, arguments and options."""
        _write_paragraph(formatter, _examples(self))
        _write_sections(formatter, _parameter_groups(self, ctx))
        formatter.write(f"  {GLOBAL_OPTIONS_NOTE}\n")

    def format_epilog(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 - signature of click
        """Write the sections after the examples, without wrapping their lines, and the link."""
        _write_end(formatter, self)


class HelpGroup(TyperGroup):
    """A group of commands with a grouped help page. A command names its group as `rich_help_panel`."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write examples, commands and options."""
        _write_paragraph(formatter, _examples(self))
        groups: dict[str, list[tuple[str, str]]] = {}
        for name, command in self.commands.items():
            title = getattr(command, "rich_help_panel", None) or COMMANDS
            groups.setdefault(title, []).append((name, f"{summary(command.help)}."))
        _write_sections(formatter, groups)
        _write_sections(formatter, _parameter_groups(self, ctx))

    def format_epilog(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 - signature of click
        """Write the sections after the examples, without wrapping their lines, and the link."""
        _write_end(formatter, self)


def section(title: str, text: str) -> str:
    """Format a titled section whose lines stay as they are."""
    lines = "\n".join(f"  {line.strip()}" for line in text.strip().splitlines())
    return f"{title}\n{lines}"


def summary(help: str | None) -> str:
    """Return the first sentence of a help text, without its full stop."""
    return " ".join((help or "").split()).partition(". ")[0].removesuffix(".")


def _examples(command: TyperCommand | TyperGroup) -> str:
    """Return the first section of the epilog."""
    return (command.epilog or "").partition("\n\n")[0]


def _parameter_groups(command: TyperCommand | TyperGroup, ctx: Any) -> Mapping[str, Rows]:
    groups: dict[str, list[tuple[str, str]]] = {title: [] for title in GROUPS}
    for parameter in command.get_params(ctx):
        record = parameter.get_help_record(ctx)
        if record is not None:
            groups[_group(parameter)].append(record)
    return {title: rows for title, rows in groups.items() if rows}


def _group(parameter: Any) -> str:
    if "--help" in parameter.opts:
        return GLOBAL_OPTIONS
    default = ARGUMENTS if parameter.param_type_name == "argument" else OPTIONS
    return getattr(parameter, "rich_help_panel", None) or default


def _write_sections(formatter: Any, sections: Mapping[str, Rows]) -> None:
    """Write sections whose left columns have one width."""
    names = [len(name) for rows in sections.values() for name, _ in rows]
    width = min(max(names, default=0), MAX_NAME_WIDTH)
    for title, rows in sections.items():
        formatter.write_paragraph()
        formatter.write(f"{title}\n")
        with formatter.indentation():
            formatter.write_dl([(name.ljust(width), text) for name, text in rows], col_max=MAX_NAME_WIDTH)


def _write_end(formatter: Any, command: TyperCommand | TyperGroup) -> None:
    """Write the sections of the epilog after the examples, then the link."""
    _write_paragraph(formatter, (command.epilog or "").partition("\n\n")[2])
    _write_paragraph(formatter, DOCUMENTATION)


def _write_paragraph(formatter: Any, text: str) -> None:
    if text:
        formatter.write_paragraph()
        formatter.write(f"{text}\n")
