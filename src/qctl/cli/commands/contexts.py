"""`qctl context list|show|use`: which Redis of several."""

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


@command("list", examples="qctl context list\nqctl context list -o name", here=True)
def everything(session: Session) -> None:
    """List the contexts of config.toml, and which of them is chosen."""
    found = configuration.list_contexts(session.places)
    choice = contexts.chosen_context(session.places)
    if choice and choice.name not in {one.name for one in found}:
        session.out.say(f"qctl: {choice.by} chooses {choice.name}, and there is no such context")
    empty = f"No contexts yet: write [contexts.NAME] into {contexts.config_file()}, with settings by their names."
    session.out.listing(documents.contexts(found), view.Table(view.context_columns(), found, empty))


@command("show", examples="qctl context show prod\nqctl context show prod --json", here=True)
def show(
    session: Session,
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", show_default=False, help="Default: the chosen one.")
    ] = None,
) -> None:
    """Show what a context sets, without secrets."""
    choice = contexts.chosen_context(session.places)
    wanted = name or (choice.name if choice else None)
    if wanted is None:
        raise UsageError("no context is chosen: name one", "qctl context list shows them")
    found = configuration.context_settings(contexts.get_context(wanted))
    table = view.Table(view.setting_columns(), found, f"{wanted} sets nothing.")
    session.out.listing(documents.context(wanted, found), table)


@command("use", examples="qctl context use prod\nqctl context use --none", changes=True, here=True)
def use(
    session: Session,
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", show_default=False, help="A context.")] = None,
    none: Annotated[bool, typer.Option("--none", help="Use none of them any more.")] = False,
) -> None:
    """Use a context for every command from now on, where --context and QCTL_CONTEXT name no other."""
    if none == (name is not None):
        raise UsageError("name a context, or say --none")
    contexts.choose_context(name)
    line = f"{name} is used from now on" if name else "no context is used any more"
    session.out.report(documents.chosen(name), [Cell(line, "good")])
