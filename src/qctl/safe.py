"""Escapes text from outside, and removes secrets from it, before it is shown or logged. Nothing else does this.

Payloads, topics, job names and error texts are hostile: they may contain terminal escapes, markup, or characters that
change the reading direction. Rich and Textual pass ESC, OSC and C1 bytes through (measured on Rich 15, Textual 8.2), so
nothing relies on them.
"""

from __future__ import annotations

import re
from itertools import pairwise

MAX_TEXT_CHARACTERS = 100_000
"""Length to which a text of several lines is cut: more than the largest traceback with its payload."""

MAX_LINE_CHARACTERS = 10_000
"""Length to which one line is cut."""

MASK = "***"
"""Replaces a secret."""

_LINE_BREAKS = "\n\t"

_ACTIVE = (
    "\x00-\x1f\x7f-\x9f"  # C0, DEL, C1: terminals obey them
    "\u00ad\u034f\u061c\u180e\u200b-\u200f"  # invisible characters and direction marks
    "\u2028-\u202e\u2060-\u206f"  # line and paragraph separators, direction overrides, invisible operators
    "\ufeff\ufff9-\ufffb\U000e0000-\U000e007f"  # byte order mark, annotations, tags
    "\ud800-\udfff"  # lone surrogates: they cannot be encoded
)
_NOT_IN_LINE = re.compile(f"[{_ACTIVE}]")
_NOT_IN_TEXT = re.compile(f"(?![{_LINE_BREAKS}])[{_ACTIVE}]")


def escape_text(text: str, limit: int = MAX_TEXT_CHARACTERS) -> str:
    r"""Escape every character that a terminal interprets or does not show, as `\x1b` or `\u202e`.

    Line feeds and tabs stay. The result has at most `limit` characters, and ends with an ellipsis if it was cut.
    """
    return _escape(_NOT_IN_TEXT, text, limit)


def escape_line(text: str, limit: int = MAX_LINE_CHARACTERS) -> str:
    r"""Escape as `escape_text`, and line feeds and tabs too, as `\n` and `\t`."""
    return _escape(_NOT_IN_LINE, text, limit)


def _escape(active: re.Pattern[str], text: str, limit: int) -> str:
    if text.isascii() and text.isprintable() and len(text) <= limit:
        return text  # fast path of most log lines: matching each character would cost a busy worker much time
    escaped = active.sub(_escape_character, text[: limit + 1])
    return escaped if len(escaped) <= limit else escaped[: limit - 1] + "…"


def _escape_character(match: re.Match[str]) -> str:
    return ascii(match[0])[1:-1]


_ESCAPED_CHARACTER = re.compile(r"\\(?:x[0-9a-f]{2}|u[0-9a-f]{4}|U000[0-9a-f]{5}|[nrt])")


def unescape_line(text: str) -> str | None:
    """Return the text that `escape_line` shows so. None if it shows none so, or if nothing is escaped."""
    plain = _ESCAPED_CHARACTER.sub(lambda match: match[0].encode().decode("unicode_escape"), text)
    return plain if plain != text and escape_line(plain) == text else None


# --- spreadsheets -------------------------------------------------------------------------------------------

_FORMULA = re.compile(r"'*[=+\-@\t\r\n\0\uff1d\uff0b\uff0d\uff20]")
"""Beginnings of cells that a spreadsheet evaluates as formulas; the last four are wide forms of the first."""

_ESCAPED_SEMICOLON = re.compile(r""";'(?="*'*[=+\-@\uff1d\uff0b\uff0d\uff20])""")
_AFTER_SEMICOLON = re.compile(r""";(?="*'*[=+\-@\uff1d\uff0b\uff0d\uff20])""")
"""Semicolons after which a formula begins where Excel separates cells by them."""


def escape_cell(text: str) -> str:
    """Escape the text of a CSV cell, so that no spreadsheet evaluates it as a formula. Numbers need no escaping."""
    text = _AFTER_SEMICOLON.sub(";'", text)
    return f"'{text}" if _FORMULA.match(text) else text


def unescape_cell(text: str) -> str:
    """Undo `escape_cell`."""
    text = _ESCAPED_SEMICOLON.sub(";", text)
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text


# --- secrets ------------------------------------------------------------------------------------------------

_URL = re.compile(r"""[a-z]{0,5}://[^\s"'<>]+""", re.IGNORECASE)

WEB = ("http", "https", "ws", "wss")
"""Schemes of URLs whose path often contains an @."""

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
"""An ASCII text in which one of the patterns matches contains one of these in lower case."""


def redact(text: str) -> str:
    """Mask the passwords of URLs and the values of keys that are usually secret.

    It recognises `scheme://user:password@host`, `token=...`, `"api_key": ...`, `Authorization: ...` and bearer tokens.
    It masks too much rather than too little, and cannot recognise a secret without such a sign.
    """
    if text.isascii() and not _has_sign(text):
        return text
    text = _URL.sub(lambda match: _without_passwords(match[0]), text)
    text = _KEYED.sub(_masked, text)
    for pattern in (_HEADER, _BEARER, _JWT):
        text = pattern.sub(rf"\g<key>{MASK}", text)
    return text


def is_plain(text: str) -> bool:
    """Return True if neither `redact` nor `escape_line` changes the text, or any part of it."""
    return text.isascii() and text.isprintable() and len(text) <= MAX_LINE_CHARACTERS and not _has_sign(text)


def _has_sign(text: str) -> bool:
    lower = text.lower()
    for sign in _SIGNS:  # noqa: SIM110 - `any` takes three times as long, and every log line passes here
        if sign in lower:
            return True
    return False


def _masked(match: re.Match[str]) -> str:
    """Mask a key's value, in quotes if one of them had quotes, so that JSON stays JSON."""
    quote = match["mark"] or match["quote"] or ""
    return f"{match['key']}{quote}{MASK}{quote}"


def redact_url(url: str) -> str:
    """Mask the password of a URL, with any characters."""
    return redact(_without_passwords(url))


def _without_passwords(text: str) -> str:
    """Mask the password after each `://`. Not by a pattern, which would be slow on hostile text."""
    pieces = text.split("://")
    scrubbed = (_without_password(piece, before) for before, piece in pairwise(pieces))
    return "://".join([pieces[0], *scrubbed])


def _without_password(piece: str, before: str) -> str:
    credentials, at, host = piece.rpartition("@")
    user, colon, password = credentials.partition(":")
    if not at or not colon or re.search("[/?#]", user):
        return piece
    if user and before.endswith(WEB) and re.match("[0-9]{1,5}[/?#]", password):
        return piece  # host:port, and the @ belongs to the path
    return f"{user}:{MASK}@{host}"


SUMMARY_CHARACTERS = 300
"""Maximum length of a server's answer in an error; the rest is cut off."""


def summary(answer: object) -> str:
    """A server's answer as one line without passwords, for an error."""
    return redact(" ".join(str(answer).split())[:SUMMARY_CHARACTERS])
