"""`qctl context list|show|use`: named settings, one context for each Redis."""

from __future__ import annotations

from typing import Annotated

import typer

from qctl import view
from qctl.cli import documents
from qctl.cli.command import command
from qctl.cli.session import Session
from qctl.errors import UsageError
from qctl.settings import configuration, contexts
from qctl.view import Cell


@command("list", examples="qctl context list\nqctl context list -o name", local=True)
def list_contexts(session: Session) -> None:
    """List the contexts of config.toml, and the one in use."""
    infos = configuration.list_contexts(session.sources)
    choice = contexts.chosen_context(session.sources)
    if choice and choice.name not in {info.name for info in infos}:
        session.out.say(f"qctl: context {choice.name!r} not found, but {choice.by} selects it")
    empty = f"No contexts. Add [contexts.NAME] with settings to {contexts.config_file()}."
    session.out.listing(documents.context_list(infos), view.Table(view.context_columns(), infos, empty))


@command("show", examples="qctl context show prod\nqctl context show prod --json", local=True)
def show(
    session: Session,
    name: Annotated[
        str | None,
        typer.Argument(metavar="[NAME]", show_default=False, help="Name of a context. Default: the one in use."),
    ] = None,
) -> None:
    """Show the settings of a context, without secrets."""
    choice = contexts.chosen_context(session.sources)
    shown = name or (choice.name if choice else None)
    if shown is None:
        raise UsageError("no context in use, and none named", "list contexts with `qctl context list`")
    settings = configuration.context_settings(contexts.get_context(shown))
    table = view.Table(view.setting_columns(), settings, f"Context {shown} has no settings.")
    session.out.listing(documents.context_show(shown, settings), table)


@command("use", examples="qctl context use prod\nqctl context use --none", changes=True, local=True)
def use(
    session: Session,
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", show_default=False, help="Name of a context.")] = None,
    none: Annotated[bool, typer.Option("--none", help="Stop using a context.")] = False,
) -> None:
    """Use a context for all following commands.

    --context and QCTL_CONTEXT override it.
    """
    if none == (name is not None):
        raise UsageError("give the name of a context, or --none")
    contexts.choose_context(name)
    line = f"using context {name}" if name else "using no context"
    session.out.report(documents.context_use(name), [Cell(line, "good")])
