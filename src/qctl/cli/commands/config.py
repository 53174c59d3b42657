"""`qctl config show|check|init`: settings, their origins and their problems."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from qctl import view
from qctl.cli import documents
from qctl.cli.command import command
from qctl.cli.exit_codes import ExitCode
from qctl.cli.profile_option import PROFILE, ProfileName
from qctl.cli.session import Session
from qctl.settings import configuration, contexts
from qctl.view import Cell


@command("show", examples="qctl config show\nqctl --context prod config show --json")
def show(
    session: Session,
    changed: Annotated[bool, typer.Option("--changed", help="Only settings that differ from their default.")] = False,
) -> None:
    """Show every setting with its value and origin.

    Secrets are hidden. Options override the environment, which overrides .env, the context and the defaults.
    """
    session.warn_of_unknown_settings()
    settings = [
        setting
        for setting in configuration.effective_settings(session.sources)
        if not changed or setting.origin != "default"
    ]
    choice = contexts.chosen_context(session.sources)
    table = view.Table(view.setting_columns(), settings, "All settings have their defaults.")
    session.out.listing(documents.config_show(settings, choice.name if choice else None), table)


@command("check", examples="qctl config check\nqctl config check --json", local=True)
def check(session: Session) -> ExitCode:
    """Check settings and contexts, and list all problems.

    Exits 2 if commands cannot run with them.
    """
    findings = configuration.check_configuration(session.sources)
    session.out.listing(documents.config_check(findings), view.Table(view.finding_columns(), findings, ""))
    return ExitCode.USAGE if any(finding.status == "down" for finding in findings) else ExitCode.DONE


@command(
    "init",
    examples="qctl config init\nqctl config init /etc/qctl/env --force\nqctl config init --profile chat",
    changes=True,
    local=True,
)
def init(
    session: Session,
    file: Annotated[Path, typer.Argument(metavar="[FILE]", help="File to write.")] = Path(".env"),
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing file.")] = False,
    profile: Annotated[ProfileName | None, PROFILE] = None,
) -> None:
    """Write a file of all settings, commented out.

    Only its owner can read the file (mode 0600).
    """
    configuration.write_env_file(file, replace=force, profile=profile.value if profile else None)
    line = Cell(f"{file} written; uncomment the settings to change", "good")
    session.out.report(documents.config_init(str(file)), [line])
