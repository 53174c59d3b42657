"""Editing text in the editor of the user."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

from qctl.cli.output import is_terminal
from qctl.errors import QctlError, RefusedError

DEFAULT_EDITOR = "vi"
"""Part of POSIX."""


def edit(text: str, suffix: str, alternative: str) -> str:
    """Return the text as the user saved it. `alternative` is the option to add if there is no terminal.

    Raises RefusedError without a terminal, and QctlError if the editor cannot be run or fails.
    """
    if not (is_terminal(sys.stdin) and is_terminal(sys.stdout)):
        raise RefusedError("editing needs a terminal; nothing was changed", f"add {alternative}")
    command = os.environ.get("VISUAL") or os.environ.get("EDITOR") or DEFAULT_EDITOR
    # Payloads may hold secrets: only the user can read this directory.
    with tempfile.TemporaryDirectory(prefix="qctl-") as directory:
        file = Path(directory) / f"payload{suffix}"
        file.write_text(text, encoding="utf-8")
        try:
            code = subprocess.run([*shlex.split(command), str(file)], check=False).returncode
            saved = file.read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            raise QctlError(f"editor {command!r} cannot be run: {error}", "set EDITOR to another one") from error
    if code:
        raise QctlError(f"editor {command!r} exited with code {code}; nothing was changed")
    return saved
