"""The scripts and styles of textual-serve's page, which is all that the web terminal takes from it.

If they move, there is no public replacement: the terminal stays empty in a browser, but `qctl monitor` works.
"""

from __future__ import annotations

from pathlib import Path

import textual_serve

from qctl.compat.private_names import warn_once

STATIC = Path(textual_serve.__file__).with_name("static")

NAMES = ("js/textual.js", "css/xterm.css")


def changed() -> str | None:
    """The first file that is gone, None if all are there."""
    return next((f"textual-serve changed static/{name}" for name in NAMES if not (STATIC / name).is_file()), None)


def asset(name: str) -> Path:
    """The path of one of NAMES, whether it is there or not."""
    if change := changed():
        warn_once(change, "the terminal stays empty in a browser; use qctl monitor in a terminal")
    return STATIC / name
