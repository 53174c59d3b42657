"""Settings of alerts: the file of rules, the check interval, allowed webhooks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from qctl.settings import parsers
from qctl.settings.field import setting
from qctl.settings.parsers import seconds


@dataclass(frozen=True)
class AlertSettings:
    """Part of `Settings`; not loaded by itself."""

    alert_file: Path | None = setting(  # noqa: RUF009 - a field, no shared value
        "QCTL_ALERTS",
        parsers.path,
        group="alerts",
        doc="TOML file with the alert rules. Default: alerts.toml in QCTL_HOME",
    )
    alert_interval: float = setting(
        "QCTL_ALERT_INTERVAL",
        seconds(1, 3600),
        "15",
        group="alerts",
        doc="Time (s) between two checks of the alert rules by the scheduler",
    )
    alert_webhooks: tuple[str, ...] = setting(
        "QCTL_ALERT_WEBHOOKS",
        parsers.webhooks,
        group="alerts",
        empty=(),
        doc="URLs that alerts may be posted to, comma separated. Each allows itself and every path below it: "
        "https://hooks.example/team allows https://hooks.example/team/1",
    )
