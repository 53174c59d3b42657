"""The connection class for RQ's own programs: `rq worker --connection-class qctl.SiteRedis --url redis+cluster://...`."""

from __future__ import annotations

from typing import Any

from redis import Redis

from qctl.broker.redis.connection import connect
from qctl.settings import Settings


class SiteRedis(Redis):
    """Makes clients from every URL that REDIS_URL takes: also of Sentinels, and of a Redis Cluster."""

    @classmethod
    def from_url(cls, url: str, **_options: Any) -> Redis:
        """Return a client. Options are qctl's own. Raises SettingsError."""
        return connect(Settings.load({"REDIS_URL": url}), name="rq")
