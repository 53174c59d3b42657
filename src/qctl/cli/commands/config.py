"""`qctl config show|check|init`: what is set, where, and whether it can be used."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from qctl import view
from qctl.cli import documents
from qctl.cli.command import command
from qctl.cli.exits import ExitCode
from qctl.cli.session import Session
from qctl.settings import configuration, contexts
from qctl.view import Cell


@command("show", examples="qctl config show\nqctl --context prod config show --json")
def show(
    session: Session,
    changed: Annotated[bool, typer.Option("--changed", help="Only what is not at its default.")] = False,
) -> None:
    """Show every setting with its value and where it comes from. Secrets are hidden.

    A flag wins over the environment, that over .env, that over the context, that over the default.
    """
    session.warn_of_strangers()
    found = [one for one in configuration.effective_settings(session.places) if not changed or one.origin != "default"]
    choice = contexts.chosen_context(session.places)
    table = view.Table(view.setting_columns(), found, "Everything is at its default.")
    session.out.listing(documents.config(found, choice.name if choice else None), table)


@command("check", examples="qctl config check\nqctl config check --json", here=True)
def check(session: Session) -> ExitCode:
    """Say all that is wrong with settings and contexts. Exits 2 where commands could not run."""
    found = configuration.check_configuration(session.places)
    session.out.listing(documents.config_check(found), view.Table(view.finding_columns(), found, ""))
    return ExitCode.USAGE if any(finding.status == "down" for finding in found) else ExitCode.DONE


@command("init", examples="qctl config init\nqctl config init /etc/qctl/env --force", changes=True, here=True)
def init(
    session: Session,
    file: Annotated[Path, typer.Argument(metavar="[FILE]", help="The file to write.")] = Path(".env"),
    force: Annotated[bool, typer.Option("--force", help="Write over one that is there.")] = False,
) -> None:
    """Write a file of all settings with their defaults, commented out, for its owner alone (mode 0600)."""
    configuration.write_env_file(file, replace=force)
    session.out.report(
        documents.config_init(str(file)), [Cell(f"{file} is written; take away the # of what you change", "good")]
    )
