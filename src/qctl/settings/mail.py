"""Settings of mail: the server, the sender, the templates."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from qctl.settings import parsers
from qctl.settings.field import setting
from qctl.settings.parsers import one_of, whole_number


@dataclass(frozen=True)
class MailSettings:
    """That part of `Settings`; it is not loaded by itself."""

    smtp_host: str | None = setting(
        "SMTP_HOST",
        parsers.text,
        group="mail",
        doc="SMTP server that mails go to. Unset: each mail is a file in QCTL_HOME/outbox",
    )
    smtp_port: int = setting("SMTP_PORT", whole_number(1, 65535), "587", group="mail", doc="Port of the SMTP server")
    smtp_user: str | None = setting("SMTP_USER", parsers.text, group="mail", doc="User for the SMTP server")
    smtp_password: str | None = setting(
        "SMTP_PASSWORD", parsers.text, group="mail", secret=True, doc="Password for the SMTP server"
    )
    smtp_security: str = setting(
        "SMTP_SECURITY",
        one_of("starttls", "tls", "none"),
        "starttls",
        group="mail",
        doc="starttls, tls (port 465) or none (a server on this machine). Certificates are verified",
    )
    smtp_from: str = setting(
        "SMTP_FROM",
        parsers.text,
        "qctl <qctl@localhost>",
        group="mail",
        doc="Sender of the mails, as in Shop <a@b.example>",
    )
    mail_templates: Path | None = setting(  # noqa: RUF009 - a field, no shared value
        "QCTL_MAIL_TEMPLATES",
        parsers.path,
        group="mail",
        doc="Folder with templates of yours; what is not in it comes from qctl's own",
    )
