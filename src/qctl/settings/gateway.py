"""Settings of the gateway: address, access, and what users may do."""

from __future__ import annotations

from qctl.settings import parsers
from qctl.settings.connections import ConnectionSettings
from qctl.settings.field import setting
from qctl.settings.parsers import boolean, one_of, whole_number


class GatewaySettings(ConnectionSettings):
    """Part of `Settings`; not loaded by itself."""

    gateway_enabled: bool = setting(
        "QCTL_GATEWAY_ENABLED",
        boolean,
        "true",
        group="gateway",
        doc="false: the gateway logs that it is disabled and exits with 0",
    )
    gateway_host: str = setting(
        "QCTL_GATEWAY_HOST",
        parsers.host,
        "127.0.0.1",
        group="gateway",
        doc="Address that the gateway listens on; 0.0.0.0: every address of this host",
    )
    gateway_port: int = setting(
        "QCTL_GATEWAY_PORT",
        whole_number(1, 65535),
        "2000",
        group="gateway",
        port_of="gateway",
        doc="Port that the gateway listens on",
    )
    frontend_url: tuple[str, ...] = setting(
        "FRONTEND_URL",
        parsers.origins,
        "http://localhost:3000",
        group="gateway",
        doc="Origins whose pages may use the gateway, comma separated; *: any. Clients outside a browser send no "
        "origin",
    )
    gateway_secret: str | None = setting(
        "QCTL_GATEWAY_SECRET",
        parsers.signing_key,
        group="gateway",
        secret=True,
        doc="Key that signs the tokens of the gateway's users, 32 random bytes; `qctl config init` creates one. All "
        "gateways of a site need the same key. Default: SECRET_KEY, else a key that is created in "
        "QCTL_HOME/gateway.key",
    )
    signup: str | None = setting(
        "QCTL_SIGNUP",
        one_of("open", "invite", "off"),
        group="gateway",
        doc="Who may become a user by `POST /user/create`: open (anybody), invite (with a token of `qctl user invite`) "
        "or off. Default: open if the gateway listens on loopback without QCTL_TRUSTED_PROXIES, else invite",
    )
    password_length: int = setting(
        "QCTL_PASSWORD_LENGTH",
        whole_number(8, 64),
        "12",
        group="gateway",
        doc="Minimum length (characters) of a new password of a user; the 10,000 commonest are refused too",
    )
    weak_passwords: bool = setting(
        "QCTL_WEAK_PASSWORDS",
        boolean,
        "false",
        group="gateway",
        doc="true: a new user's password may be short (8 characters) and common, for trials on this machine. It has no "
        "effect if the gateway listens on another address than loopback, or with QCTL_TRUSTED_PROXIES",
    )
    login_ttl: int = setting(
        "QCTL_LOGIN_TTL",
        whole_number(60, 31_536_000),
        "86400",
        group="gateway",
        doc="Lifetime (s) of a user's login",
    )
    gateway_jobs: tuple[str, ...] = setting(
        "QCTL_GATEWAY_JOBS",
        parsers.job_names,
        "*",
        group="gateway",
        empty=(),
        doc="Names of jobs that users may create, comma separated; * is a wildcard. Of the catalog only jobs for users "
        "count: chat messages and notifications; the others are for admins. A declared job without an `access` must be "
        "named by more than *",
    )
    gateway_default_job: str | None = setting(
        "GATEWAY_DEFAULT_JOB",
        parsers.text,
        group="gateway",
        doc="Job that runs if a user names an unknown job; it is called with `name`, and with `data` if that is "
        "given. Default: unknown names are refused",
    )
    queue_admin_key: str | None = setting(
        "QUEUE_ADMIN_KEY",
        parsers.signing_key,
        group="gateway",
        secret=True,
        doc="Key that operators send as X-Admin-Key to change queues over HTTP. Default: only users with the role "
        "admin may",
    )
    gateway_panel: str = setting(
        "QCTL_GATEWAY_PANEL",
        one_of("off", "look", "act"),
        "look",
        group="gateway",
        doc="Access of operators to the monitor in the browser, /admin/queues of the gateway: off, look (read only) "
        "or act",
    )
    readings_token: str | None = setting(
        "QCTL_READINGS_TOKEN",
        parsers.signing_key,
        group="gateway",
        secret=True,
        doc="Token that lets devices post readings, sent as `Authorization: Bearer`. Default: only users and "
        "operators may",
    )

    @property
    def is_local_gateway(self) -> bool:
        """True if only programs of this machine reach the gateway."""
        return parsers.is_loopback(self.gateway_host) and not self.trusted_proxies

    @property
    def signup_mode(self) -> str:
        """The mode of sign-up: open, invite or off."""
        return self.signup or ("open" if self.is_local_gateway else "invite")

    @property
    def allows_weak_passwords(self) -> bool:
        """True if users may sign up with a password that is short and common."""
        return self.weak_passwords and self.is_local_gateway
