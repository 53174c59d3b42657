"""Settings of mail: server, sender, templates."""

from __future__ import annotations

from pathlib import Path

from qctl.settings import parsers
from qctl.settings.field import SettingsPart, setting
from qctl.settings.parsers import one_of, whole_number


class MailSettings(SettingsPart):
    """Part of `Settings`; not loaded by itself."""

    smtp_host: str | None = setting(
        "SMTP_HOST",
        parsers.text,
        group="mail",
        doc="Host of the SMTP server. Default: each mail is written to a file in QCTL_HOME/outbox",
    )
    smtp_port: int = setting("SMTP_PORT", whole_number(1, 65535), "587", group="mail", doc="Port of the SMTP server")
    smtp_user: str | None = setting("SMTP_USER", parsers.text, group="mail", doc="User name for the SMTP server")
    smtp_password: str | None = setting(
        "SMTP_PASSWORD", parsers.text, group="mail", secret=True, doc="Password for the SMTP server"
    )
    smtp_security: str = setting(
        "SMTP_SECURITY",
        one_of("starttls", "tls", "none"),
        "starttls",
        group="mail",
        doc="Encryption: starttls, tls (port 465) or none (for a server on this machine). Certificates are verified",
    )
    smtp_from: str = setting(
        "SMTP_FROM",
        parsers.text,
        "qctl <qctl@localhost>",
        group="mail",
        doc="Sender of the mails: Shop <a@b.example>",
    )
    mail_templates: Path | None = setting(
        "QCTL_MAIL_TEMPLATES",
        parsers.path,
        group="mail",
        doc="Folder with your own mail templates; a template that is missing there is qctl's own",
    )
