"""A mail made of a template: `{name}.subject.txt`, `{name}.txt` and `{name}.html`.

Values come from payloads and are hostile: the HTML part escapes them, header values refuse line breaks, and an address
must be one plain address. A mail has one recipient.
"""

from __future__ import annotations

import hashlib
import re
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate, parseaddr
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qctl.errors import RejectedError, SettingsError

if TYPE_CHECKING:
    from jinja2 import Environment

MAX_ADDRESS = 254
"""Characters of an address, RFC 5321 section 4.5.3.1.3."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_DOMAIN = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9-]{1,63}(?<!-))*")


def address(text: object) -> str:
    """The one plain address in `text`. Raises RejectedError where it is none, or more than one."""
    if not isinstance(text, str) or not text or len(text) > MAX_ADDRESS or _CONTROL.search(text):
        raise RejectedError(f"not an address: {text!r:.80}")
    local, at, domain = text.rpartition("@")
    try:
        parsed = Address(addr_spec=text)
    except (ValueError, IndexError, MessageError) as error:
        raise RejectedError(f"not an address: {text!r:.80}") from error
    if not at or parsed.addr_spec != text or '"' in local or not _DOMAIN.fullmatch(domain) or not text.isascii():
        raise RejectedError(f"not an address: {text!r:.80}")
    return text


def sender(text: str) -> Address:
    """The sender of SMTP_FROM. Raises SettingsError."""
    name, spec = parseaddr(text)
    try:
        return Address(name, addr_spec=address(spec))
    except (RejectedError, ValueError) as error:
        raise SettingsError("SMTP_FROM", f"{text!r} holds no address") from error


def compose(
    template: str, values: dict[str, Any], *, to: object, sent_by: str, key: str, folder: Path | None = None
) -> EmailMessage:
    """The mail of a template. `key` names what it is about: the same key gives the same Message-ID, so that a mail
    which is sent again by a retry can be told from another.

    Raises RejectedError where the recipient or a header value is none, SettingsError where the sender is none.
    """
    who = sender(sent_by)
    texts = _environment(folder)
    mail = EmailMessage(policy=SMTP)
    mail["To"] = Address(addr_spec=address(to))
    mail["From"] = who
    mail["Subject"] = _header(texts.get_template(f"{template}.subject.txt").render(values))
    mail["Date"] = formatdate(localtime=False)
    mail["Message-ID"] = f"<{hashlib.sha256(key.encode(errors='surrogatepass')).hexdigest()[:32]}@{who.domain}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(_text(texts.get_template(f"{template}.txt").render(values)))
    mail.add_alternative(_text(texts.get_template(f"{template}.html").render(values)), subtype="html")
    return mail


def _header(text: str) -> str:
    line = text.strip()
    if _CONTROL.search(line):
        raise RejectedError("a subject has no line breaks or control characters")
    return _text(line)


def _text(text: str) -> str:
    """Text that can be encoded: a lone surrogate cannot."""
    return text.encode(errors="replace").decode()


@lru_cache(maxsize=4)
def _environment(folder: Path | None) -> Environment:
    from jinja2 import ChoiceLoader, FileSystemLoader, PackageLoader, StrictUndefined, select_autoescape
    from jinja2.sandbox import SandboxedEnvironment

    own = [FileSystemLoader(folder)] if folder else []
    return SandboxedEnvironment(
        loader=ChoiceLoader([*own, PackageLoader("qctl.mail")]),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    )
