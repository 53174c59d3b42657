"""Composes a mail from templates: `{name}.subject.txt`, `{name}.txt` and `{name}.html`.

Values come from payloads and are untrusted: the HTML part escapes them, headers must not contain line breaks, and an
address must be one plain address. A mail has one recipient.
"""

from __future__ import annotations

import hashlib
import re
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import formatdate, parseaddr
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qctl import extras, ownership
from qctl.errors import RejectedError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable

    from jinja2 import BaseLoader, Environment

MAX_ADDRESS_CHARACTERS = 254
"""Maximum length of an address, RFC 5321 section 4.5.3.1.3."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_DOMAIN = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9-]{1,63}(?<!-))*")


def parse_address(text: object) -> str:
    """Check that `text` is one plain address, and return it with its domain in ASCII (IDNA). Raises RejectedError.

    A local part that is not ASCII needs a server with SMTPUTF8.
    """
    if not isinstance(text, str) or not text or len(text) > MAX_ADDRESS_CHARACTERS or _CONTROL.search(text):
        raise RejectedError(f"not an email address: {text!r:.80}")
    local, at, domain = text.rpartition("@")
    domain = domain if domain.isascii() else _ascii_domain(domain, text)
    # The parser of headers refuses every local part that is not ASCII (RFC 6532 allows it), so it sees a letter.
    plain = "".join(letter if letter.isascii() else "x" for letter in local) + at + domain
    try:
        parsed = Address(addr_spec=plain)
    except (ValueError, IndexError, MessageError) as error:
        raise RejectedError(f"not an email address: {text!r:.80}") from error
    if not at or parsed.addr_spec != plain or '"' in local or not _DOMAIN.fullmatch(domain) or not local.isprintable():
        raise RejectedError(f"not an email address: {text!r:.80}")
    return f"{local}@{domain}"


def _ascii_domain(domain: str, text: str) -> str:
    """The domain as IDNA 2008 writes it: `xn--mller-kva.de` for `müller.de`."""
    import idna  # takes 10 ms, and few domains need it

    try:
        return idna.encode(domain, uts46=True).decode()
    except idna.IDNAError as error:
        raise RejectedError(f"not an email address: {text!r:.80}") from error


def _address(text: object) -> Address:
    local, _, domain = parse_address(text).rpartition("@")
    return Address(username=local, domain=domain)


def parse_sender(text: str) -> Address:
    """Parse SMTP_FROM. Raises SettingsError."""
    name, spec = parseaddr(text)
    try:
        return Address(name, addr_spec=parse_address(spec))
    except (RejectedError, ValueError) as error:
        raise SettingsError("SMTP_FROM", f"{text!r} contains no email address") from error


def compose(
    template: str, values: dict[str, Any], *, to: object, sent_by: str, key: str, folder: Path | None = None
) -> EmailMessage:
    """Compose a mail from a template. The same `key` gives the same Message-ID, which identifies mails of retries.

    Raises RejectedError if the recipient or a header is invalid, SettingsError if the sender is invalid.
    """
    sender = parse_sender(sent_by)
    templates = _environment(folder)
    recipient = _address(to)
    mail = EmailMessage(policy=SMTP if recipient.username.isascii() else SMTPUTF8)
    mail["To"] = recipient
    mail["From"] = sender
    mail["Subject"] = _header(templates.get_template(f"{template}.subject.txt").render(values))
    mail["Date"] = formatdate(localtime=False)
    mail["Message-ID"] = f"<{hashlib.sha256(key.encode(errors='surrogatepass')).hexdigest()[:32]}@{sender.domain}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(_text(templates.get_template(f"{template}.txt").render(values)))
    mail.add_alternative(_text(templates.get_template(f"{template}.html").render(values)), subtype="html")
    return mail


def _header(text: str) -> str:
    line = text.strip()
    if _CONTROL.search(line):
        raise RejectedError("a subject must not contain line breaks or control characters")
    return _text(line)


def _text(text: str) -> str:
    """Text without lone surrogates, which cannot be encoded."""
    return text.encode(errors="replace").decode()


@lru_cache(maxsize=4)
def _environment(folder: Path | None) -> Environment:
    jinja2 = extras.load("jinja2", extra="mail", needed_by="an email from a template")
    sandbox = extras.load("jinja2.sandbox", extra="mail", needed_by="an email from a template")
    own = [_own_templates(folder)] if folder else []
    environment: Environment = sandbox.SandboxedEnvironment(
        loader=jinja2.ChoiceLoader([*own, jinja2.PackageLoader("qctl.mail")]),
        autoescape=jinja2.select_autoescape(["html"]),
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
    )
    return environment


def _own_templates(folder: Path) -> BaseLoader:
    """Load templates of QCTL_MAIL_TEMPLATES by the ownership rule."""
    from jinja2 import FileSystemLoader

    class OwnedLoader(FileSystemLoader):
        def get_source(self, environment: Environment, template: str) -> tuple[str, str, Callable[[], bool]]:
            ownership.require(folder / template)
            return super().get_source(environment, template)

    return OwnedLoader(folder)
