"""URLs of Redis Cluster."""

from __future__ import annotations

import pytest

from qctl.errors import SettingsError
from qctl.settings import Settings, cluster_url


def test_parts_of_a_url() -> None:
    url = cluster_url.parse("rediss+cluster://me:a%2Cb@h1,[::1]:7,h3:6380/?db=0&ssl_ca_certs=/c")
    assert url.nodes == (("h1", 6379), ("::1", 7), ("h3", 6380))
    assert url.node(("::1", 7)) == "rediss://me:a%2Cb@[::1]:7/0?ssl_ca_certs=/c"
    assert cluster_url.parse("redis+cluster://h1").node(("h1", 1)) == "redis://h1:1/0"


@pytest.mark.parametrize("url", ["redis+cluster://h/1", "redis+cluster://h/0?db=2", "redis+cluster://h/orders"])
def test_databases_are_refused_with_the_reason(url: str) -> None:
    with pytest.raises(SettingsError, match="only 0: use another QUEUE_PREFIX"):
        Settings.load({"REDIS_URL": url})


@pytest.mark.parametrize(
    "url",
    ["redis+cluster://", "redis+cluster://h:0/", "redis+cluster://a b/", "redis+cluster://h,/", "rediss+cluster://h#x"],
)
def test_invalid_urls_are_refused(url: str) -> None:
    with pytest.raises(SettingsError, match="REDIS_URL"):
        Settings.load({"REDIS_URL": url})
