"""The one place where text from outside is made inert before it is shown.

Payloads, topics, job names and error texts are hostile: they may hold terminal escapes, markup, or characters that
turn the reading direction. Rich and Textual pass ESC, OSC and C1 bytes through (measured on Rich 15, Textual 8.2),
so nothing relies on them.
"""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit


def redact_url(url: str) -> str:
    """The URL without its password."""
    parts = urlsplit(url)
    if parts.password is None:
        return url
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{parts.username or ''}:***@{host}"))
