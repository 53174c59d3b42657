"""The TLS context of connections to MQTT brokers."""

from __future__ import annotations

import ssl

from qctl import ownership
from qctl.errors import SettingsError
from qctl.settings import Settings


def tls_context(settings: Settings) -> ssl.SSLContext:
    """The context that verifies certificates. Raises SettingsError if QCTL_MQTT_CA holds none, or breaks the
    ownership rule."""
    if settings.mqtt_ca:
        ownership.require(settings.mqtt_ca)
    try:
        return ssl.create_default_context(cafile=settings.mqtt_ca)
    except OSError as error:
        reason = error.strerror or "holds no certificate"
        raise SettingsError("QCTL_MQTT_CA", f"{str(settings.mqtt_ca)!r} cannot be used: {reason}") from error
