"""Settings of alerts: the file of rules, the check interval, allowed webhooks."""

from __future__ import annotations

from pathlib import Path

from qctl.settings import parsers
from qctl.settings.field import SettingsPart, setting
from qctl.settings.parsers import seconds


class AlertSettings(SettingsPart):
    """Part of `Settings`; not loaded by itself."""

    alert_file: Path | None = setting(
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
    mail_owners: bool = setting(
        "QCTL_MAIL_OWNERS",
        parsers.boolean,
        "false",
        group="alerts",
        doc="Mail the owner of a job when it becomes a dead letter, if the owner is a user of the gateway: at most ten "
        "mails an hour to each",
    )
    alert_webhooks: tuple[str, ...] = setting(
        "QCTL_ALERT_WEBHOOKS",
        parsers.webhooks,
        group="alerts",
        empty=(),
        doc="URLs that alerts may be posted to, comma separated. Each allows itself and every path below it: "
        "https://hooks.example/team allows https://hooks.example/team/1",
    )
