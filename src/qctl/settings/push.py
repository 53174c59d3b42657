"""Settings of Web Push: the key by which push services know this site, and its contact."""

from __future__ import annotations

import base64
import binascii
import re

from qctl.settings.field import SettingsPart, setting

KEY_BYTES = 32

P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""Order of the curve P-256: a private key is a number from 1 to one less."""

_CONTACT = re.compile(r"mailto:[!-~]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+|https://[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")


def _private_key(raw: str) -> str:
    """Parse a private key of P-256: the number in base64url without padding."""
    try:
        number = base64.b64decode(raw + "=", altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        number = b""
    if len(number) != KEY_BYTES or not 0 < int.from_bytes(number, "big") < P256_ORDER:
        raise ValueError("is not a private key of P-256: 32 bytes in base64url without padding, 43 characters")
    return raw


def _contact(raw: str) -> str:
    if not _CONTACT.fullmatch(raw):
        raise ValueError("is neither mailto:ADDRESS nor https://HOST")
    return raw


class PushSettings(SettingsPart):
    """Part of `Settings`; not loaded by itself."""

    push_key: str | None = setting(
        "QCTL_PUSH_KEY",
        _private_key,
        group="work",
        secret=True,
        doc="Private key of Web Push (VAPID), the same on all hosts of a site; browsers must subscribe again after a "
        "change. `qctl config init` writes one; so does: openssl rand 32 | basenc --base64url | tr -d =",
    )
    push_contact: str | None = setting(
        "QCTL_PUSH_CONTACT",
        _contact,
        group="work",
        doc="Contact for push services, which turns Web Push on: mailto:ops@shop.example or https://shop.example. The "
        "services' hosts must be in QCTL_ALLOWED_HOSTS",
    )
