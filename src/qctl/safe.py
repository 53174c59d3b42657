"""The one place where text from outside is made inert, and secrets are taken out, before it is shown or logged.

Payloads, topics, job names and error texts are hostile: they may hold terminal escapes, markup, or characters that
turn the reading direction. Rich and Textual pass ESC, OSC and C1 bytes through (measured on Rich 15, Textual 8.2),
so nothing relies on them.
"""

from __future__ import annotations

import re
from itertools import pairwise

TEXT_LIMIT = 100_000
"""Characters of a text of many lines that are shown: more than the largest traceback with its payload."""

LINE_LIMIT = 10_000
"""Characters of one line that are shown."""

MASK = "***"
"""What stands where a secret was."""

_LINE_BREAKS = "\n\t"

_ACTIVE = (
    "\x00-\x1f\x7f-\x9f"  # C0, DEL, C1: terminals obey them
    "\u00ad\u034f\u061c\u180e\u200b-\u200f"  # invisible, and marks of direction
    "\u2028-\u202e\u2060-\u206f"  # line and paragraph separators, overrides of direction, invisible operators
    "\ufeff\ufff9-\ufffb\U000e0000-\U000e007f"  # byte order mark, annotations, tags
    "\ud800-\udfff"  # lone surrogates: they cannot be written at all
)
_NOT_IN_LINE = re.compile(f"[{_ACTIVE}]")
_NOT_IN_TEXT = re.compile(f"(?![{_LINE_BREAKS}])[{_ACTIVE}]")


def escape_text(text: str, limit: int = TEXT_LIMIT) -> str:
    r"""The text with everything that a terminal obeys, or that cannot be seen, written out: `\x1b`, `\u202e`.

    Line feeds and tabs stay. At most `limit` characters come back, the last one an ellipsis where it was cut.
    """
    return _cut(_NOT_IN_TEXT, text, limit)


def escape_line(text: str, limit: int = LINE_LIMIT) -> str:
    r"""The same in one line: line feeds and tabs are written out as `\n` and `\t` too."""
    return _cut(_NOT_IN_LINE, text, limit)


def _cut(active: re.Pattern[str], text: str, limit: int) -> str:
    if text.isascii() and text.isprintable() and len(text) <= limit:
        return text  # most lines of a log: a look at each character is what a busy worker spends its time with
    shown = active.sub(_written_out, text[: limit + 1])
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def _written_out(match: re.Match[str]) -> str:
    return ascii(match[0])[1:-1]


# --- spreadsheets -------------------------------------------------------------------------------------------

_FORMULA = re.compile(r"'*[=+\-@\t\r\0\uff1d\uff0b\uff0d\uff20]")
"""What makes a spreadsheet run a text cell; the last four are the wide forms of the first."""


def escape_cell(text: str) -> str:
    """The text of a CSV cell, so that no spreadsheet takes it for a formula. Numbers need none of it."""
    return f"'{text}" if _FORMULA.match(text) else text


def unescape_cell(text: str) -> str:
    """The text that `escape_cell` was given."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text


# --- secrets ------------------------------------------------------------------------------------------------

_URL = re.compile(r"""[a-z]{0,5}://[^\s"'<>]+""", re.IGNORECASE)

WEB = ("http", "https", "ws", "wss")
"""Schemes of URLs that often have an @ in their path."""

_QUOTED = r"""[bu]?(?P<{0}>\\*["'])(?:(?!(?P={0}))(?:\\.|[^\\]))*(?:(?P={0})|\Z)"""

_KEYED = re.compile(
    r"""
    (?P<key>
        (?:passw(?:or)?d|passphrase|pwd|secret|token|authorization|cookie|credentials?|signature
          |(?:api|access|private|secret|signing|encryption)[_-]?key)
        (?:[_-]?(?:key|hash|[0-9]+))?
        (?: (?P<mark>\\*["'])\s*[:=]\s* | \s*=\s*)        # "key": or key=
    )
    (?: """
    + _QUOTED.format("quote")
    + r"""
      | \[[^\]]*\]? | \{[^}]*\}?
      | (?:(?:bearer|basic|token|digest)\s+)?[^\s,;&"'\[\]{}()]+
    )""",
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)

_HEADER = re.compile(
    r"(?P<key>\b(?:proxy-)?authorization\s*:\s*|\b(?:set-)?cookie\s*:\s*|\bx-(?:api-key|auth-token)\s*:\s*)[^\s].*",
    re.IGNORECASE,
)

_BEARER = re.compile(r"(?P<key>\bbearer\s+)[\w.~+/=-]{8,}", re.IGNORECASE)
_JWT = re.compile(r"(?P<key>)\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*")


_SIGNS = ("://", "pass", "pwd", "secret", "token", "auth", "cookie", "credential", "signature", "key", "bearer", "eyj")
"""Every text of ASCII in which one of the patterns finds something holds one of these in lower case."""


def redact(text: str) -> str:
    """The text without the passwords of URLs and the values of keys that sound secret, wherever they stand.

    What it knows: `scheme://user:password@host`, `token=...`, `"api_key": ...`, `Authorization: ...`, bearer tokens.
    It hides too much rather than too little, and cannot know a secret that nothing announces.
    """
    if text.isascii():
        lower = text.lower()
        for sign in _SIGNS:  # a generator of `any` takes three times as long, and each line of a log passes here
            if sign in lower:
                break
        else:
            return text
    text = _URL.sub(lambda match: _without_passwords(match[0]), text)
    text = _KEYED.sub(_masked, text)
    for pattern in (_HEADER, _BEARER, _JWT):
        text = pattern.sub(rf"\g<key>{MASK}", text)
    return text


def _masked(match: re.Match[str]) -> str:
    """The key with its value hidden, quoted where one of them was: JSON stays JSON."""
    quote = match["mark"] or match["quote"] or ""
    return f"{match['key']}{quote}{MASK}{quote}"


def redact_url(url: str) -> str:
    """The URL without its password, whatever characters that has."""
    return redact(_without_passwords(url))


def _without_passwords(text: str) -> str:
    """Hide the password after each `://`. In code, as a pattern for it would be slow on hostile text."""
    pieces = text.split("://")
    scrubbed = (_without_password(piece, before) for before, piece in pairwise(pieces))
    return "://".join([pieces[0], *scrubbed])


def _without_password(piece: str, before: str) -> str:
    credentials, at, host = piece.rpartition("@")
    user, colon, password = credentials.partition(":")
    if not at or not colon or re.search("[/?#]", user):
        return piece
    if user and before.endswith(WEB) and re.match("[0-9]{1,5}[/?#]", password):
        return piece  # it is host:port, and the @ belongs to the path
    return f"{user}:{MASK}@{host}"


SUMMARY_CHARACTERS = 300
"""Maximum length of a server's answer in an error; the rest is cut off."""


def summary(answer: object) -> str:
    """A server's answer as one line without passwords, for an error."""
    return redact(" ".join(str(answer).split())[:SUMMARY_CHARACTERS])
