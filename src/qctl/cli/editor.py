"""Having somebody edit a text, in the editor that they chose."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

from qctl.cli.output import is_terminal
from qctl.errors import QctlError, RefusedError

FALLBACK = "vi"
"""POSIX has it."""


def edit(text: str, suffix: str, instead: str) -> str:
    """The text as it was saved. `instead` is what to add to the command line where there is no terminal.

    Raises RefusedError there, and QctlError where the editor cannot be run or fails.
    """
    if not (is_terminal(sys.stdin) and is_terminal(sys.stdout)):
        raise RefusedError("nothing was done: there is no terminal to edit on", f"add {instead}")
    command = os.environ.get("VISUAL") or os.environ.get("EDITOR") or FALLBACK
    # The folder is readable by nobody else: payloads hold what is none of others' business.
    with tempfile.TemporaryDirectory(prefix="qctl-") as folder:
        file = Path(folder) / f"payload{suffix}"
        file.write_text(text, encoding="utf-8")
        try:
            code = subprocess.run([*shlex.split(command), str(file)], check=False).returncode
            saved = file.read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            raise QctlError(f"the editor {command!r} cannot be used: {error}", "set EDITOR") from error
    if code:
        raise QctlError(f"the editor {command!r} ended with {code}: nothing was changed")
    return saved
