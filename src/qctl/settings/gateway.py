"""Settings of the gateway: where it listens, who may come, what users may do."""

from __future__ import annotations

from dataclasses import dataclass

from qctl.settings import parsers
from qctl.settings.field import setting
from qctl.settings.parsers import boolean, one_of, whole_number


@dataclass(frozen=True)
class GatewaySettings:
    """That part of `Settings`; it is not loaded by itself."""

    gateway_enabled: bool = setting(
        "QCTL_GATEWAY_ENABLED", boolean, "true", group="gateway", doc="false: the gateway exits 0 and says so"
    )
    gateway_host: str = setting(
        "QCTL_GATEWAY_HOST",
        parsers.host,
        "127.0.0.1",
        group="gateway",
        doc="Address that the gateway listens on; 0.0.0.0 is every one of this host",
    )
    gateway_port: int = setting(
        "QCTL_GATEWAY_PORT", whole_number(1, 65535), "2000", group="gateway", doc="Port of the gateway"
    )
    frontend_url: tuple[str, ...] = setting(
        "FRONTEND_URL",
        parsers.origins,
        "http://localhost:3000",
        group="gateway",
        doc="Origins whose pages may use the gateway, comma separated; * is every one. Clients outside browsers have "
        "none",
    )
    gateway_secret: str | None = setting(
        "QCTL_GATEWAY_SECRET",
        parsers.text,
        group="gateway",
        secret=True,
        doc="Key that signs the tokens of the gateway's users, 32 random bytes; `qctl config init` makes one. All "
        "gateways of a site need the same. Unset: SECRET_KEY, else QCTL_HOME/gateway.key, which is made",
    )
    login_ttl: int = setting(
        "QCTL_LOGIN_TTL",
        whole_number(60, 31_536_000),
        "86400",
        group="gateway",
        doc="Seconds for which a user is logged in",
    )
    gateway_jobs: tuple[str, ...] = setting(
        "QCTL_GATEWAY_JOBS",
        parsers.job_names,
        "*",
        group="gateway",
        empty=(),
        doc="Jobs that users may create by their name, comma separated, * as wildcard",
    )
    gateway_default_job: str | None = setting(
        "GATEWAY_DEFAULT_JOB",
        parsers.text,
        group="gateway",
        doc="Job that runs where a user names one that there is not; it is called with `name`, and with `data` where "
        "that is given. Unset: such a name is refused",
    )
    queue_admin_key: str | None = setting(
        "QUEUE_ADMIN_KEY",
        parsers.text,
        group="gateway",
        secret=True,
        doc="Key that whoever changes queues over HTTP sends as X-Admin-Key. Unset: only users whose role is admin may",
    )
    gateway_panel: str = setting(
        "QCTL_GATEWAY_PANEL",
        one_of("off", "look", "act"),
        "look",
        group="gateway",
        doc="What operators may do with the monitor in a browser, /admin/queues of the gateway: off, look, act",
    )
    readings_token: str | None = setting(
        "QCTL_READINGS_TOKEN",
        parsers.text,
        group="gateway",
        secret=True,
        doc="Token by which devices may post readings, as `Authorization: Bearer`. Unset: only users and operators may",
    )
