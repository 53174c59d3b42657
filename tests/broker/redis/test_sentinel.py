"""Connections to a Redis that Sentinel watches, before, during and after a failover."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path
from urllib.parse import quote

import pytest
from redis import exceptions as raised

from qctl.broker.redis import completion_names, keys
from qctl.broker.redis.connection import connect, translate_errors
from qctl.broker.redis.scripts import Script
from qctl.broker.worker.claim_connection import ClaimConnection
from qctl.errors import RedisUnreachableError, SettingsError
from qctl.settings import Settings, sentinel_url
from support.certificates import certified
from support.process import free_port
from support.sentinel import SERVICE, SentinelServer, WatchedRedis
from support.servers import RedisServer
from support.waiting import eventually

MakeSettings = Callable[..., Settings]

QUIET_PASSWORD = "of&the=sentinel"

_renew = Script("worker/renew")


def _port(client: object) -> int:
    return int(client.config_get("port")["port"])  # type: ignore[attr-defined]


def _written(client: object) -> bool:
    try:
        return bool(client.set("after", "1"))  # type: ignore[attr-defined]
    except raised.RedisError:
        return False


def test_a_pool_follows_the_primary(watched_redis: WatchedRedis, make_settings: MakeSettings) -> None:
    with closing(connect(make_settings(REDIS_URL=watched_redis.url), name="qctl-test")) as client:
        first = watched_redis.primary()
        assert _port(client) == first.port
        assert client.client_getname() == "qctl-test"
        first.kill()
        eventually(lambda: _written(client), what="a write after the failover", every=0.1)
        assert _port(client) == watched_redis.primary().port != first.port
        # The old primary comes back as a replica, and nobody writes to it.
        first.start()
        eventually(watched_redis.is_whole, what="the old primary to join", every=0.1)
        assert client.set("k", "2")
        assert _port(client) != first.port


def test_a_demoted_primary_is_left_at_once(watched_redis: WatchedRedis, make_settings: MakeSettings) -> None:
    """No connection is closed by Sentinel here: the demotion is found out by what the server answers."""
    settings = make_settings(REDIS_URL=watched_redis.url)
    with closing(connect(settings)) as client:
        claims = ClaimConnection(client)
        keys_and_arguments = _renew.pack({"leases": keys.LEASES, "claimant": "w", "lease_ms": 1000})
        claims.send(_renew, *keys_and_arguments)
        claims.read()
        first = watched_redis.primary()
        with closing(first.connect()) as direct:
            direct.replicaof("127.0.0.1", free_port())
        claims.send(_renew, *keys_and_arguments)
        with pytest.raises(raised.ConnectionError):
            claims.read()
        with pytest.raises(raised.ConnectionError, match="is no primary any more"):
            connect(settings).set("k", "v")
        # Sentinel makes it the primary again, or chooses another one.
        eventually(lambda: _written(client), what="a write", every=0.1)
        eventually(lambda: _ran(claims, keys_and_arguments), what="a claim request", every=0.1)


def _ran(claims: ClaimConnection, packed: tuple[list[object], list[object]]) -> bool:
    try:
        claims.send(_renew, *packed)  # type: ignore[arg-type]
        claims.read()
    except raised.RedisError:
        return False
    return True


def test_a_primary_without_replicas_is_left(watched_redis: WatchedRedis, make_settings: MakeSettings) -> None:
    primary = watched_redis.primary()
    with closing(connect(make_settings(REDIS_URL=watched_redis.url))) as client, closing(primary.connect()) as direct:
        assert client.set("k", "v")
        (before,) = _of(client, direct)
        direct.config_set("min-replicas-to-write", 3)
        with pytest.raises(raised.ResponseError, match="NOREPLICAS"):
            client.set("k", "v2")
        assert _of(client, direct) == []
        direct.config_set("min-replicas-to-write", 1)
        assert client.set("k", "v3")
        (after,) = _of(client, direct)
        assert after != before


def _of(client: object, direct: object) -> list[str]:
    """Ids of the client's connections at a server."""
    entries = direct.client_list()  # type: ignore[attr-defined]
    return [entry["id"] for entry in entries if entry["name"] == "qctl"]


def test_dead_and_wrong_sentinels_are_passed_over(watched_redis: WatchedRedis, make_settings: MakeSettings) -> None:
    watched_redis.sentinels[0].kill()
    url = watched_redis.url.replace("://", f"://127.0.0.1:{free_port()},127.0.0.1:{watched_redis.servers[1].port},")
    with closing(connect(make_settings(REDIS_URL=url))) as client:
        assert _port(client) == watched_redis.primary().port


def test_errors_name_each_sentinel_and_no_secret(make_settings: MakeSettings) -> None:
    first, second = free_port(), free_port()
    url = f"redis+sentinel://me:s3cret@127.0.0.1:{first},127.0.0.1:{second}/{SERVICE}/0?sentinel_password=hidden"
    settings = make_settings(REDIS_URL=url)
    with pytest.raises(RedisUnreachableError) as caught, translate_errors(settings):
        connect(settings).ping()
    for text in (f"127.0.0.1:{first}", f"127.0.0.1:{second}", SERVICE):
        assert text in caught.value.message
    assert "s3cret" not in caught.value.message
    assert "hidden" not in caught.value.message


def test_unknown_service_is_named(watched_redis: WatchedRedis, make_settings: MakeSettings) -> None:
    settings = make_settings(REDIS_URL=watched_redis.url.replace(SERVICE, "bills"))
    with pytest.raises(RedisUnreachableError, match="'bills'"), translate_errors(settings):
        connect(settings).ping()


def test_options_of_redis_are_checked(make_settings: MakeSettings) -> None:
    with pytest.raises(SettingsError, match="REDIS_URL"):
        connect(make_settings(REDIS_URL="redis+sentinel://localhost/orders?colour=red"))


def test_passwords_and_tls_of_both(tmp_path: Path, make_settings: MakeSettings) -> None:
    """Redis and the Sentinels have passwords of their own, and speak TLS by one authority."""
    authority = certified(tmp_path)
    files = {"cert-file": tmp_path / "server.pem", "key-file": tmp_path / "server.key", "ca-cert-file": authority}
    tls = [f"tls-{name} {path}" for name, path in files.items()]
    redis_port, sentinel_port = free_port(), free_port()
    words = [word for line in (f"tls-port {redis_port}", "tls-auth-clients no", *tls) for word in f"--{line}".split()]
    server = RedisServer(tmp_path, "--requirepass", "p@ss", *words)
    sentinel = SentinelServer(
        tmp_path,
        "sentinel",
        ("127.0.0.1", redis_port),
        *(f"tls-port {sentinel_port}", "tls-auth-clients no", "tls-replication yes", *tls),
        *(f"sentinel auth-pass {SERVICE} p@ss", f"requirepass {QUIET_PASSWORD}"),
    )
    base = f"127.0.0.1:{sentinel_port}/{SERVICE}/3?ssl_ca_certs={authority}"
    url = f"rediss+sentinel://:p%40ss@{base}&sentinel_password={quote(QUIET_PASSWORD, safe='')}"
    with ExitStack() as running:
        for program in (server, sentinel):
            running.callback(program.end)
            program.launch()
        with closing(connect(make_settings(REDIS_URL=url))) as client:
            eventually(lambda: _written(client), what="the Sentinel to see the primary", every=0.05)
            assert client.client_info()["db"] == 3
            client.sadd(keys.QUEUES, keys.queue("email"))
        assert eventually(lambda: _names(url), what="names in time") == ["email"]
        for wrong in (url.replace("p%40ss", "no"), url.partition("&")[0]):
            with pytest.raises(RedisUnreachableError), translate_errors(make_settings(REDIS_URL=wrong)):
                connect(make_settings(REDIS_URL=wrong)).ping()


def test_completion_asks_the_sentinels(watched_redis: WatchedRedis, make_settings: MakeSettings) -> None:
    with closing(connect(make_settings(REDIS_URL=watched_redis.url))) as client:
        client.sadd(keys.QUEUES, keys.queue("email"))
    watched_redis.sentinels[0].kill()
    names = eventually(lambda: _names(watched_redis.url), what="names in time")
    assert names == ["email"]
    with pytest.raises(ConnectionError):
        completion_names.names(watched_redis.url.replace(SERVICE, "bills"), "queue")


def _names(url: str) -> list[str]:
    try:
        return completion_names.names(url, "queue")
    except OSError:  # a busy machine may not answer within the tenth of a second that a completion has
        return []


@pytest.mark.parametrize(
    "url",
    [
        "redis+sentinel://localhost",
        "redis+sentinel://localhost/orders/x",
        "redis+sentinel://localhost:0/orders",
        "redis+sentinel://localhost:1,/orders",
        "redis+sentinel://a b/orders",
        "redis+sentinel://localhost/orders#x",
        "redis+sentinel://localhost/orders?sentinel_username=me",
    ],
)
def test_invalid_urls_are_refused(make_settings: MakeSettings, url: str) -> None:
    with pytest.raises(SettingsError, match="REDIS_URL"):
        make_settings(REDIS_URL=url)


def test_parts_of_a_url() -> None:
    url = sentinel_url.parse(
        "rediss+sentinel://me:a%2Cb@h1,[::1]:7,h3:26380/orders/2?sentinel_username=s&sentinel_password=x%26&ssl_ca_certs=/c"
    )
    assert url.sentinels == (("h1", 26379), ("::1", 7), ("h3", 26380))
    assert url.server(("::1", 6379)) == "rediss://me:a%2Cb@[::1]:6379/2?ssl_ca_certs=/c"
    assert url.sentinel(("h1", 26379)) == "rediss://s:x%26@h1:26379?ssl_ca_certs=/c"
