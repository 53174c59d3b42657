"""The page with the terminal, its scripts and styles, and the headers that protect it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from string import Template

from qctl.compat.textual_serve_assets import asset

ASSETS: Mapping[str, Path] = {
    "terminal.js": Path(__file__).with_name("terminal.js"),
    "textual.js": asset("js/textual.js"),
    "xterm.css": asset("css/xterm.css"),
}
"""Scripts and styles of the page by name. They hold no secrets."""

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "connect-src 'self'{socket}; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)

_HOST = re.compile(r"[A-Za-z0-9.\-]{1,255}(:[0-9]{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](:[0-9]{1,5})?")


def terminal(title: str, *, base: str = "", header: str = "") -> str:
    """The HTML of the terminal. Its assets and its socket are at `assets/` and `socket` below `base`; `header` is HTML
    that stands above the terminal."""
    text = files("qctl.web_terminal").joinpath("terminal.html").read_text(encoding="utf-8")
    return Template(text).substitute(title=title, base=base, header=header)


def headers(host: str) -> dict[str, str]:
    """Headers that keep everything from elsewhere out of a page, and the page out of other pages. `host` is the `Host`
    header of the request."""
    # Older browsers do not count a web socket of the same host as 'self'.
    socket = f" ws://{host} wss://{host}" if _HOST.fullmatch(host) else ""
    return {
        "Content-Security-Policy": _POLICY.format(socket=socket),
        # With `no-referrer`, browsers send `Origin: null` with a form.
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
