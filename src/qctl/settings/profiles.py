"""Profiles: named sets of defaults, one for each system that qctl replaces. docs/compatibility.md has their tables.

A profile is a source of settings below all others (flags, the environment, `.env`, a context), and above the defaults.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Literal, NamedTuple

from qctl.settings.servers import Source

Listener = Literal["socket-batcher", "gateway"]

LOCAL_PAGES = "http://localhost:3000,http://localhost:3001,http://localhost:5173"
"""Origins of pages that run on this machine by the usual development servers."""

_ALL_PIPELINES_OFF = {"MQTT_ENABLED": "false", "QCTL_SOCKET_ENABLED": "false"}


class Shapes(NamedTuple):
    """Shapes of the gateway's responses in which two originals differ.

    `wrong_password`: the HTTP status for a wrong email address or password. `job_statuses`: statuses of jobs that the
    original's page does not know, each with the one that it shows instead. `login_cookie`: a login also gets a cookie.
    """

    wrong_password: int = 401
    job_statuses: Mapping[str, str] = MappingProxyType({})
    login_cookie: bool = False

    def job_status(self, status: str) -> str:
        """The status of a job as users of the gateway see it."""
        return self.job_statuses.get(status, status)


class Profile(NamedTuple):
    """A named set of defaults. `port_of`: the daemon whose port PORT sets.

    `examples`: values from the original's documentation, by setting. Anybody may know such a key, so that they count as
    not set.
    """

    name: str
    purpose: str
    port_of: Listener
    defaults: Mapping[str, str]
    examples: Mapping[str, tuple[str, ...]] = MappingProxyType({})
    shapes: Shapes = Shapes()


PROFILES: Mapping[str, Profile] = {
    profile.name: profile
    for profile in (
        Profile(
            "queuecraft",
            "QueueCraft: jobs of users over HTTP",
            "gateway",
            {
                **_ALL_PIPELINES_OFF,
                "PORT": "2000",
                "FRONTEND_URL": LOCAL_PAGES,
                "GATEWAY_DEFAULT_JOB": "simulate",
                "QCTL_GATEWAY_JOBS": "*,simulate",
                "QCTL_JOB_WORKERS": "5",
                "QCTL_WEAK_PASSWORDS": "true",
                "QCTL_DAEMONS": "gateway,worker-jobs,worker-prompt,scheduler",
            },
            {
                "SECRET_KEY": ("your-super-secure-secret-key-change-this", "your-secure-secret-key"),
            },
            # Its page answers 401 by leaving the login form, and shows other statuses than these four as pending.
            Shapes(wrong_password=403, job_statuses={"failed": "dlq"}),
        ),
        Profile(
            "dashboard",
            "the dashboard for BME280 sensors: readings over MQTT and HTTP",
            "gateway",
            {
                "PORT": "5000",
                "FRONTEND_URL": LOCAL_PAGES,
                "QCTL_SOCKET_ENABLED": "false",
                "QCTL_READINGS_VALUE_BY_TOPIC": "true",
                "QCTL_DAEMONS": "mqtt-bridge,gateway,worker-sensor-data,worker-jobs,worker-prompt,scheduler",
            },
        ),
        Profile(
            "chat",
            "the queue of a chat",
            "gateway",
            {
                **_ALL_PIPELINES_OFF,
                "PORT": "5000",
                "FRONTEND_URL": LOCAL_PAGES,
                "QCTL_DAEMONS": "gateway,worker-prompt,worker-heavy,worker-jobs,scheduler",
            },
            {"QUEUE_ADMIN_KEY": ("your_admin_key_here", "your-queue-admin-key")},
            Shapes(login_cookie=True),
        ),
        Profile(
            "sockets",
            "the collector of Socket.IO messages",
            "socket-batcher",
            {
                "MQTT_ENABLED": "false",
                "QCTL_GATEWAY_ENABLED": "false",
                "PORT": "3000",
                "CLIENT_URL": LOCAL_PAGES,
                "QCTL_DAEMONS": "socket-batcher,worker-socket-data,worker-prompt,scheduler",
            },
        ),
        Profile(
            "planning",
            "the queues of an inventory system (Planning Bord)",
            "gateway",
            {
                **_ALL_PIPELINES_OFF,
                "PORT": "5000",
                "FRONTEND_URL": LOCAL_PAGES,
                "QCTL_DAEMONS": "gateway,worker-prompt,worker-heavy,worker-jobs,scheduler",
            },
        ),
    )
}


def chosen_profile(sources: Sequence[Source]) -> Profile | None:
    """The profile that the first source with QCTL_PROFILE names; None if there is none of this name."""
    name = next((value for source in sources if (value := source.values.get("QCTL_PROFILE"))), "")
    return PROFILES.get(name.lower())


def with_profile(sources: Sequence[Source]) -> list[Source]:
    """The sources without the examples of the profile's original, and the profile as the last of them."""
    profile = chosen_profile(sources)
    if profile is None:
        return list(sources)
    ignored = {(source.name, name) for name, source in ignored_examples(sources)}
    remaining = [
        Source(source.name, _without(source.values, {name for where, name in ignored if where == source.name}))
        for source in sources
    ]
    return [*remaining, Source(f"profile {profile.name}", profile.defaults)]


def ignored_examples(sources: Sequence[Source]) -> Iterator[tuple[str, Source]]:
    """The settings that have a value from the documentation of the profile's original, each with its source."""
    profile = chosen_profile(sources)
    for name, examples in (profile.examples if profile else {}).items():
        for source in sources:
            if source.values.get(name) in examples:
                yield name, source


def port_owner(profile: str | None) -> Listener:
    """The daemon whose port PORT sets."""
    return PROFILES[profile].port_of if profile else "socket-batcher"


def _without(values: Mapping[str, str | None], names: set[str]) -> Mapping[str, str | None]:
    return {name: value for name, value in values.items() if name not in names} if names else values
