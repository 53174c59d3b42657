"""Python API for applications whose jobs are spread over several sites: many Redis, or many prefixes in one cluster.

sites = QueueSites(["eu", "us", "asia"])
sites.of("customer-7").add_welcome_email(userEmail="ada@example.com", userName="Ada")

A site is a context of config.toml, or Settings. A key chooses the same site in every process, on every host; another
site more takes over its share of the keys and leaves all others where they are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, cast

from qctl.errors import NotFoundError, UsageError
from qctl.service import QueueService
from qctl.settings import Settings, contexts, sources
from qctl.site_process import SiteProcess

if TYPE_CHECKING:
    from collections.abc import Callable


class QueueSites:
    """One QueueService for each site. Thread-safe: one instance serves a whole application.

    A site whose keys have the prefix of this process is served in it. For each other prefix there is a process, which
    takes one call at a time.
    """

    def __init__(self, sites: Sequence[str] | Mapping[str, Settings]) -> None:
        """`sites`: names of contexts, or Settings by name. Raises UsageError, NotFoundError and SettingsError."""
        if not sites or isinstance(sites, str):
            raise UsageError("name at least one site in a list")
        settings = dict(sites) if isinstance(sites, Mapping) else {name: _settings(name) for name in sites}
        self._services = {name: _service(one) for name, one in settings.items()}

    def __enter__(self) -> QueueSites:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections, and end the processes."""
        for service in self._services.values():
            service.close()

    @property
    def names(self) -> list[str]:
        """The names of the sites."""
        return list(self._services)

    def name_of(self, key: str) -> str:
        """Return the name of the site that a key chooses: the one with the highest hash of its name and the key."""
        return max(self._services, key=lambda name: hashlib.sha256(f"{name}\0{key}".encode()).digest())

    def of(self, key: str) -> QueueService:
        """Return the service of the site that a key chooses, for example the id of a customer.

        Ask a job's status at the site of the key that it was created with.
        """
        return self._services[self.name_of(key)]

    def site(self, name: str) -> QueueService:
        """Return the service of a site. Raises NotFoundError."""
        try:
            return self._services[name]
        except KeyError:
            raise NotFoundError(f"site {name!r} not found", hint=f"sites: {', '.join(self._services)}") from None


class _DistantService:
    """A QueueService in a process of its own."""

    def __init__(self, settings: Settings) -> None:
        self._process = SiteProcess("qctl.service:QueueService", settings)

    def close(self) -> None:
        """End the process."""
        self._process.close()

    def __enter__(self) -> _DistantService:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("_") or not callable(getattr(QueueService, name, None)):
            raise AttributeError(name)
        return lambda *args, **options: self._process.call(name, *args, **options)


def _settings(context: str) -> Settings:
    """The settings of a context. It was asked for by name, so that it wins over the environment and `.env`."""
    return Settings.from_sources([contexts.get_context(context).source, *sources.find_sources()])


def _service(settings: Settings) -> QueueService:
    from qctl.broker.redis import key_prefix

    if (settings.queue_prefix or key_prefix.DEFAULT) == key_prefix.RQ:
        return QueueService(settings)
    return cast("QueueService", _DistantService(settings))
