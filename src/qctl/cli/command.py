"""What a command is, and how it becomes part of the program."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import typer

from qctl.cli import help_page
from qctl.cli.auditing import audited
from qctl.cli.exits import ExitCode
from qctl.cli.options import Options, parameter, with_options
from qctl.cli.session import Session

WIDTH = {"max_content_width": help_page.COLUMNS}

EVERYWHERE = "Options of `qctl --help` may stand here too."


@dataclass(frozen=True)
class Command:
    """A verb. `function` takes the session and its own parameters and returns the exit code, None for 0.

    `changes`: it changes something, so a read-only run refuses it unless its parameter `dry_run` is set, and the audit
    notes it; where it is the name of a parameter, only if that is set. `here`: it is about this machine and no
    Redis, so that no context counts and nothing is noted.
    """

    name: str
    function: Callable[..., ExitCode | None]
    examples: str
    changes: bool | str
    here: bool

    def changes_with(self, given: Mapping[str, Any]) -> bool:
        """Whether it changes something with these parameters."""
        changes = given.get(self.changes) if isinstance(self.changes, str) else self.changes
        return bool(changes) and not given.get("dry_run")

    def add_to(self, app: typer.Typer) -> None:
        """Register it. The function's docstring is its help."""

        def run(ctx: typer.Context, **given: Any) -> ExitCode | None:
            session: Session = ctx.obj
            session.choose(Options.taken_from(given))
            session.here = self.here
            act = partial(self.function, session, **given)
            if not self.changes_with(given):
                return act()
            session.refuse_if_read_only(ctx.command_path)
            return act() if self.here else audited(session, ctx.command_path, act)

        vars(run)["command"] = self
        own = list(inspect.signature(self.function, eval_str=True).parameters.values())[1:]
        epilog = f"{_listed('Examples', self.examples)}\n\n{EVERYWHERE}"
        register = app.command(self.name, help=self.function.__doc__, epilog=epilog, context_settings=WIDTH)
        register(with_options(run, own, show_all=False))


def command(
    name: str, *, examples: str, changes: bool | str = False, here: bool = False
) -> Callable[[Callable[..., ExitCode | None]], Command]:
    """Make a function a command. `examples` are lines that work as they stand."""
    return lambda function: Command(name, function, examples, changes, here)


def tree(app: typer.Typer) -> dict[tuple[str, ...], Command]:
    """Every command of a program by its words."""
    found: dict[tuple[str, ...], Command] = {}
    for info in app.registered_commands:
        found[(str(info.name),)] = vars(info.callback)["command"]
    for group in app.registered_groups:
        if group.typer_instance:
            found |= {(str(group.name), *words): each for words, each in tree(group.typer_instance).items()}
    return found


def program(help: str, notes: dict[str, str], version: str) -> typer.Typer:
    """The root, with the options of all. `notes` stand under its help, by their titles."""
    app = typer.Typer(
        help=help,
        epilog="\n\n".join(_listed(title, text) for title, text in notes.items()),
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        add_completion=False,  # `qctl.cli.completions` makes scripts that start nothing while a verb is completed
        context_settings=WIDTH,
    )

    def root(ctx: typer.Context, show_version: bool, **given: Any) -> None:
        if show_version:
            typer.echo(f"qctl {version}")
            raise typer.Exit
        _enter(ctx, given)

    flag = parameter("show_version", bool, False, typer.Option("--version", help="Print the version."))
    app.callback(invoke_without_command=True)(with_options(root, [flag], show_all=True))
    return app


def stub(app: typer.Typer, name: str, help: str) -> None:
    """Register a verb by its name and what help says of it alone: it is not the one that is run."""

    def run() -> None:
        """Nothing."""

    app.command(name, help=help)(run)


def noun(app: typer.Typer, name: str, help: str, commands: Sequence[Command]) -> typer.Typer:
    """Register verbs about one thing: `qctl NAME VERB`. Returns their group."""
    group = typer.Typer(help=help, rich_markup_mode=None, context_settings=WIDTH)

    def enter(ctx: typer.Context, **given: Any) -> None:
        _enter(ctx, given)

    group.callback(invoke_without_command=True)(with_options(enter, [], show_all=False))
    for each in commands:
        each.add_to(group)
    app.add_typer(group, name=name)
    return group


def _enter(ctx: typer.Context, given: dict[str, Any]) -> None:
    """Take the options that stand before a command's name. Without a command, show what there is."""
    ctx.obj.choose(Options.taken_from(given))
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help(), err=True)
        raise typer.Exit(ExitCode.USAGE)


def _listed(title: str, text: str) -> str:
    """A titled paragraph of help whose lines are kept as they are."""
    lines = "\n".join(f"  {line.strip()}" for line in text.strip().splitlines())
    return f"\b\n{title}:\n{lines}"
