"""Commands, and how they become part of the program."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import typer

from qctl.cli import help_format, help_page, queue_option
from qctl.cli.audit import run_audited
from qctl.cli.exit_codes import ExitCode
from qctl.cli.global_options import GlobalOptions, typed_parameter, with_global_options
from qctl.cli.session import Session

CONTEXT_SETTINGS = {"max_content_width": help_page.COLUMNS, "help_option_names": ["-h", "--help"]}


@dataclass(frozen=True)
class Command:
    """A command. `function` takes the session and its own parameters and returns the exit code, None for 0.

    `changes` marks a command that changes something: a read-only run refuses it unless its parameter `dry_run` is set,
    and the audit records it. A string is the name of the parameter that makes it change something. `local` marks a
    command about this machine and no Redis: contexts do not apply and the audit does not record it. `fleet` marks a
    command that can read every context at once: `--context all`.
    """

    name: str
    function: Callable[..., ExitCode | None]
    examples: str
    changes: bool | str
    local: bool
    fleet: bool = False

    def changes_with(self, arguments: Mapping[str, Any]) -> bool:
        """Return True if the command changes something when called with these arguments."""
        changes = arguments.get(self.changes) if isinstance(self.changes, str) else self.changes
        return bool(changes) and not arguments.get("dry_run")

    def add_to(self, app: typer.Typer, title: str | None = None) -> None:
        """Register the command below a title of the help page. The docstring of its function is its help."""

        def run(ctx: typer.Context, **arguments: Any) -> ExitCode | None:
            arguments.pop(queue_option.NAME, None)
            session: Session = ctx.obj
            session.set_options(GlobalOptions.pop_from(arguments))
            session.local = self.local
            session.profile = getattr(arguments.get("profile"), "value", None)
            if self.fleet and session.covers_all_contexts:
                from qctl.cli import fleet  # imports multiprocessing, for `--context all` alone

                raise typer.Exit(fleet.run(session, lambda member: self.function(member, **arguments)))
            action = partial(self.function, session, **arguments)
            if not self.changes_with(arguments):
                return action()
            session.refuse_if_replica(ctx.command_path)
            session.refuse_if_read_only(ctx.command_path)
            return action() if self.local else run_audited(session, ctx.command_path, action)

        vars(run)["command"] = self
        own = list(inspect.signature(self.function, eval_str=True).parameters.values())[1:]
        has_queue = queue_option.is_needed(own)
        register = app.command(
            self.name,
            cls=queue_option.QueueCommand if has_queue else help_format.HelpCommand,
            help=self.function.__doc__,
            epilog=help_format.section("EXAMPLES", self.examples),
            rich_help_panel=title,
            context_settings=CONTEXT_SETTINGS,
        )
        register(with_global_options(run, [*own, queue_option.PARAMETER] if has_queue else own, show_all=False))


def command(
    name: str, *, examples: str, changes: bool | str = False, local: bool = False, fleet: bool = False
) -> Callable[[Callable[..., ExitCode | None]], Command]:
    """Make a function a command. Each line of `examples` works as it stands."""
    return lambda function: Command(name, function, examples, changes, local, fleet)


def all_commands(app: typer.Typer) -> dict[tuple[str, ...], Command]:
    """Return every command of a program by its words."""
    commands: dict[tuple[str, ...], Command] = {}
    for info in app.registered_commands:
        commands[(str(info.name),)] = vars(info.callback)["command"]
    for group in app.registered_groups:
        if group.typer_instance:
            nested = all_commands(group.typer_instance)
            commands |= {(str(group.name), *words): command for words, command in nested.items()}
    return commands


def program(help: str, sections: Mapping[str, str], version: str) -> typer.Typer:
    """Create the root program with the global options. `sections` follow its help, by their titles."""
    app = typer.Typer(
        cls=help_format.HelpGroup,
        help=help,
        epilog="\n\n".join(help_format.section(title, text) for title, text in sections.items()),
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        add_completion=False,  # `qctl.cli.completions` writes scripts that complete commands without starting Python
        context_settings=CONTEXT_SETTINGS,
    )

    def root(ctx: typer.Context, show_version: bool, **arguments: Any) -> None:
        if show_version:
            typer.echo(f"qctl {version}")
            raise typer.Exit
        _enter(ctx, arguments)

    option = typer.Option("--version", help="Version of qctl.", rich_help_panel=help_format.GLOBAL_OPTIONS)
    flag = typed_parameter("show_version", bool, False, option)
    app.callback(invoke_without_command=True)(with_global_options(root, [flag], show_all=True))
    return app


def add_placeholder(app: typer.Typer, name: str, help: str, title: str) -> None:
    """Register the name and help of a command that this run does not need."""

    def run() -> None:
        """Do nothing."""

    app.command(name, help=help, rich_help_panel=title)(run)


def add_group(
    app: typer.Typer, name: str, help: str, commands: Sequence[Command], title: str | None = None
) -> typer.Typer:
    """Register a group of commands about one noun, `qctl NAME VERB`, and return it."""
    group = typer.Typer(cls=help_format.HelpGroup, help=help, rich_markup_mode=None, context_settings=CONTEXT_SETTINGS)

    def enter(ctx: typer.Context, **arguments: Any) -> None:
        _enter(ctx, arguments)

    group.callback(invoke_without_command=True)(with_global_options(enter, [], show_all=False))
    for command in commands:
        command.add_to(group)
    app.add_typer(group, name=name, rich_help_panel=title)
    return group


def _enter(ctx: typer.Context, arguments: dict[str, Any]) -> None:
    """Apply global options that precede a command. Without a command, show the help."""
    ctx.obj.set_options(GlobalOptions.pop_from(arguments))
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help(), err=True)
        raise typer.Exit(ExitCode.USAGE)
