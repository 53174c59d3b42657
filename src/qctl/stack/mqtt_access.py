"""Access to the embedded MQTT broker: the bridge reads, with a password of this start; others write readings at most.

Brokers keep a session for whoever names its client id, and give it to another user too (mosquitto 2.0.11, measured). So
the bridge's client id ends in a secret, which stays the same over restarts because the session belongs to it.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
import secrets
from dataclasses import dataclass
from pathlib import Path

from qctl import ownership
from qctl.settings import Settings

BRIDGE_USER = "qctl-bridge"

HASH_ITERATIONS = 101
"""Rounds of PBKDF2, as mosquitto_passwd uses: the password is random, so that more would not help."""

_SECRET = re.compile("[0-9a-f]{32}")


@dataclass(frozen=True)
class MqttAccess:
    """Name, password and client id of the bridge, the topics of readings, and whether others need no password."""

    username: str
    password: str
    client_id: str
    topic: str
    anonymous: bool

    @classmethod
    def create(cls, settings: Settings) -> MqttAccess:
        """Access for this start. MQTT_USERNAME and MQTT_PASSWORD are kept if they are set."""
        return cls(
            username=settings.mqtt_username or BRIDGE_USER,
            password=settings.mqtt_password or secrets.token_urlsafe(32),
            client_id=f"{settings.mqtt_client_id}-{_session_secret(settings.make_home() / 'mqtt-session')}",
            topic=_filter(settings.mqtt_topic),
            anonymous=settings.mqtt_anonymous,
        )

    def environment(self) -> dict[str, str]:
        """The settings of the bridge."""
        return {"MQTT_USERNAME": self.username, "MQTT_PASSWORD": self.password, "MQTT_CLIENT_ID": self.client_id}

    def mosquitto_passwords(self) -> str:
        """The password file of mosquitto."""
        salt = os.urandom(12)
        digest = hashlib.pbkdf2_hmac("sha512", self.password.encode(), salt, HASH_ITERATIONS, 64)
        encoded = "$".join(base64.b64encode(part).decode() for part in (salt, digest))
        return f"{self.username}:$7${HASH_ITERATIONS}${encoded}\n"

    def mosquitto_acl(self) -> str:
        """The ACL file of mosquitto: lines before the first user are for clients without a name."""
        return f"topic write {self.topic}\n\nuser {self.username}\ntopic readwrite {self.topic}\n"

    def amqtt_options(self) -> dict[str, str | bool]:
        """The options of the plugins of amqtt."""
        return {
            "username": self.username,
            "password": self.password,
            "client_id": self.client_id,
            "topic": self.topic,
            "anonymous": self.anonymous,
        }


def _filter(topic: str) -> str:
    """The topic filter of a subscription, without a group that shares it."""
    return topic.split("/", 2)[2] if topic.startswith("$share/") else topic


def _session_secret(file: Path) -> str:
    """The secret end of the client id; it is made once, and again if the file holds something else.

    Raises SettingsError if the file breaks the ownership rule.
    """
    ownership.require(file)
    known = file.read_text(encoding="utf-8", errors="replace").strip() if file.exists() else ""
    if _SECRET.fullmatch(known):
        return known
    made = secrets.token_hex(16)
    file.unlink(missing_ok=True)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(f"{made}\n")
    return made
