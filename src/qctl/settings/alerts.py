"""Settings of alerts: where their rules are, and where they may be sent."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from qctl.settings import parsers
from qctl.settings.field import setting
from qctl.settings.parsers import seconds


@dataclass(frozen=True)
class AlertSettings:
    """That part of `Settings`; it is not loaded by itself."""

    alert_file: Path | None = setting(  # noqa: RUF009 - a field, no shared value
        "QCTL_ALERTS",
        parsers.path,
        group="alerts",
        doc="TOML file with the rules of alerts. Unset: alerts.toml in QCTL_HOME",
    )
    alert_interval: float = setting(
        "QCTL_ALERT_INTERVAL",
        seconds(1, 3600),
        "15",
        group="alerts",
        doc="Seconds between two looks of the scheduler at the rules",
    )
    alert_webhooks: tuple[str, ...] = setting(
        "QCTL_ALERT_WEBHOOKS",
        parsers.webhooks,
        group="alerts",
        empty=(),
        doc="Where alerts may be sent by webhook: URLs, comma separated. Each allows itself and what lies below it: "
        "https://hooks.example/team allows https://hooks.example/team/1",
    )
