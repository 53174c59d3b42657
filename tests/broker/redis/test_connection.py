"""Connections to Redis, and the errors that people see if they fail."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis import Redis
from redis import exceptions as raised

from qctl.broker.redis import completion_names, keys
from qctl.broker.redis import connection as connection_module
from qctl.broker.redis.connection import (
    CONNECT_TIMEOUT_SECONDS,
    REPLY_TIMEOUT_SECONDS,
    Backoff,
    connect,
    describe,
    explain,
    is_temporary,
    translate_errors,
)
from qctl.errors import BackpressureError, QctlError, RedisUnreachableError, RefusedError, SettingsError
from qctl.settings import Settings
from support.certificates import certified
from support.process import free_port
from support.servers import RedisServer
from support.waiting import PATIENCE_SECONDS


@pytest.mark.parametrize(
    "url", ["redis://localhost/0?colour=red", "redis://localhost:6379/0?socket_connect_timeout=soon"]
)
def test_invalid_url_names_the_setting(make_settings: Callable[..., Settings], url: str) -> None:
    with pytest.raises(SettingsError, match="REDIS_URL"):
        connect(make_settings(REDIS_URL=url))


@pytest.mark.parametrize(
    "options",
    [
        "decode_responses=True",
        "encoding=utf-16&encoding_errors=ignore",
        "client_name=my%20app",
        "protocol=3&socket_timeout=0.001",
        "retry_on_timeout=yes&health_check_interval=1&max_connections=1&decode_responses=1",
    ],
)
def test_options_of_the_url_change_nothing(
    make_settings: Callable[..., Settings], redis_server: RedisServer, options: str
) -> None:
    client = connect(make_settings(REDIS_URL=f"{redis_server.url}?db=1&{options}"), name="qctl-test")
    client.set("key", b"\xff")
    assert client.get("key") == b"\xff"
    assert (client.client_getname(), client.client_info()["db"]) == ("qctl-test", 1)
    assert client.connection_pool.connection_kwargs["socket_timeout"] == REPLY_TIMEOUT_SECONDS
    client.close()


def test_closed_connection_is_reopened_without_retries(redis_server: RedisServer, settings: Settings) -> None:
    client = connect(settings)
    client.ping()
    redis_server.connect().client_kill_filter(_type="normal", skipme=True)
    assert client.ping()
    assert client.get_retry().get_retries() == 0


@pytest.mark.parametrize(
    ("cause", "error", "text"),
    [
        (raised.ConnectionError("refused"), RedisUnreachableError, "does not answer"),
        (raised.TimeoutError("slow"), RedisUnreachableError, "does not answer"),
        (raised.AuthenticationError("no"), RedisUnreachableError, "refuses the password"),
        (raised.BusyLoadingError("wait"), RedisUnreachableError, "loading"),
        (raised.NoPermissionError("acl"), RefusedError, "does not let this user"),
        (raised.ReadOnlyError("replica"), RefusedError, "is a read-only replica"),
        (raised.OutOfMemoryError("full"), BackpressureError, "full"),
    ],
)
def test_redis_errors_become_one_line(
    make_settings: Callable[..., Settings], cause: Exception, error: type[QctlError], text: str
) -> None:
    hidden = make_settings(REDIS_URL="redis://user:s3cret@localhost:1/0")
    with pytest.raises(error, match=text) as caught, translate_errors(hidden):
        raise cause
    assert "s3cret" not in str(caught.value)
    assert "\n" not in caught.value.message


def test_any_bytes_survive_a_round_trip(connection: Redis) -> None:
    connection.set("k", b"\xff\xfe")
    value = connection.get("k").decode(errors="surrogateescape")
    connection.set("k2", value)
    assert connection.get("k2") == b"\xff\xfe"


@given(st.integers(1, 40))
def test_backoff_grows_to_its_maximum_with_jitter(tries: int) -> None:
    backoff = Backoff()
    waits = [backoff.next_delay() for _ in range(tries)]
    assert all(0.375 <= wait <= 3.75 for wait in waits)
    assert backoff.attempts == tries
    if tries > 5:
        assert waits[-1] >= 2.25
    backoff.reset()
    assert backoff.next_delay() <= 0.625


def test_errors_do_not_hold_the_data_of_users(settings: Settings, connection: Redis) -> None:
    """redis-py puts the command into the error of a pipeline, and Redis the arguments into that of an unknown one."""
    connection.set("text", "x")
    pipe = connection.pipeline()
    pipe.rpush("text", "my secret\nletter")
    with pytest.raises(raised.ResponseError) as caught:
        pipe.execute()
    assert "secret" not in str(caught.value)
    assert "RPUSH" in str(caught.value)
    with pytest.raises(QctlError) as unknown, translate_errors(settings):
        connection.execute_command("EVALUATE", "my secret")
    assert "secret" not in unknown.value.message
    foreign = raised.ResponseError("Command # 1 (RPUSH a secret) of pipeline caused error: OOM command not allowed")
    assert describe(foreign) == "OOM command not allowed"


@pytest.mark.parametrize(
    ("error", "passes"),
    [
        (raised.ConnectionError("refused"), True),
        (raised.OutOfMemoryError("command not allowed"), True),
        (raised.ResponseError("MISCONF Errors writing to the AOF file: No space left on device"), True),
        (raised.ResponseError("Command # 1 (SET a WRONGTYPE) of pipeline caused error: MISCONF Errors writing"), True),
        (raised.ResponseError("Error running script (call to f_0): @user_script:3: -OOM command not allowed"), True),
        (raised.ResponseError("BUSY Redis is busy running a script"), True),
        (raised.ResponseError("WRONGTYPE Operation against a key"), False),
        (raised.ResponseError("Command # 1 (SET a MISCONF b) of pipeline caused error: WRONGTYPE Operation"), False),
        (ValueError("OOM "), False),
        (raised.NoPermissionError("this user has no permissions to run the 'hset' command"), True),
        (raised.ResponseError("ACL failure in script: User app has no permissions to run the 'hset' command"), True),
        (raised.ResponseError("The user executing the script can't run this command or subcommand"), True),
    ],
)
def test_temporary_errors_are_recognised(error: Exception, passes: bool) -> None:
    assert is_temporary(error) is passes


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (raised.ConnectionError("refused"), "Redis is away (refused)"),
        (raised.AuthenticationError("wrong"), "Redis refuses the password (wrong)"),
        (raised.OutOfMemoryError("used memory > maxmemory"), "Redis is full (used memory > maxmemory)"),
        (raised.NoPermissionError("no EVALSHA"), "Redis does not let this user do that (no EVALSHA)"),
        (raised.ReadOnlyError("no"), "Redis is a read-only replica and takes no writes (no)"),
        (raised.ResponseError("MISCONF full"), "Redis cannot write to its disk and takes no writes (MISCONF full)"),
        (raised.ResponseError("WRONGTYPE"), "Redis cannot do that (WRONGTYPE)"),
    ],
)
def test_daemons_log_the_cause_of_an_error(error: raised.RedisError, cause: str) -> None:
    assert explain(error) == cause


# --- TLS ----------------------------------------------------------------------------------------------------


@pytest.fixture
def tls_redis(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """The URL of a Redis that speaks TLS, and the authority that certified it."""
    authority, port = certified(tmp_path), free_port()
    files = {"tls-cert-file": tmp_path / "server.pem", "tls-key-file": tmp_path / "server.key"}
    options = [f"--{name} {value}" for name, value in {**files, "tls-ca-cert-file": authority}.items()]
    words = " ".join([f"--tls-port {port}", "--tls-auth-clients no", *options]).split()
    with RedisServer(tmp_path, *words):
        yield f"rediss://127.0.0.1:{port}/0", authority


def test_tls_certificate_is_verified(tls_redis: tuple[str, Path], make_settings: Callable[..., Settings]) -> None:
    url, authority = tls_redis
    refused = make_settings(REDIS_URL=url)
    with pytest.raises(RedisUnreachableError, match="cannot be trusted") as caught, translate_errors(refused):
        connect(refused).ping()
    assert "ssl_ca_certs=" in (caught.value.hint or "")
    trusted = make_settings(REDIS_URL=f"{url}?ssl_ca_certs={authority}")
    client = connect(trusted)
    assert client.ping()
    elsewhere = make_settings(REDIS_URL=trusted.redis_target.replace("127.0.0.1", "localhost"))
    with pytest.raises(RedisUnreachableError, match="cannot be trusted"), translate_errors(elsewhere):
        connect(elsewhere).ping()
    client.sadd(keys.QUEUES, keys.queue("email"))
    assert completion_names.names(trusted.redis_target, "queue") == ["email"]
    client.close()


def test_redis_without_tls_is_noticed_soon(
    redis_server: RedisServer, make_settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert CONNECT_TIMEOUT_SECONDS < REPLY_TIMEOUT_SECONDS / 2
    monkeypatch.setattr(connection_module, "REPLY_TIMEOUT_SECONDS", PATIENCE_SECONDS)
    settings = make_settings(REDIS_URL=redis_server.tcp_url.replace("redis:", "rediss:"))
    began = time.monotonic()
    with pytest.raises(RedisUnreachableError, match="does not answer") as caught, translate_errors(settings):
        connect(settings).ping()
    assert time.monotonic() - began < PATIENCE_SECONDS, "the time limit of a connection counts"
    assert "does it speak TLS" in (caught.value.hint or "")
