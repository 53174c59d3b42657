"""Settings: sources, values, and secrets that never leak."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.client import MQTT_ERR_SUCCESS, Client
from redis import Redis

from qctl.errors import SettingsError
from qctl.settings import Settings, env_example
from support.servers import RedisServer

REPOSITORY = Path(__file__).parents[2]
PLAIN = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=20)


def load(**environ: str) -> Settings:
    return Settings.load(environ={"QCTL_HOME": "/tmp/qctl-test-home", **environ})


def refusal(**environ: str) -> SettingsError:
    """Return the error of settings of which the last one is invalid."""
    with pytest.raises(SettingsError) as caught:
        load(**environ)
    assert caught.value.name in environ
    return caught.value


def test_env_example_is_what_the_class_says() -> None:
    assert (REPOSITORY / ".env.example").read_text() == env_example(), "write it again with env_example()"


def test_env_example_is_read_back_as_the_defaults(tmp_path: Path) -> None:
    lines = env_example().splitlines()
    active = tmp_path / "active.env"
    active.write_text("\n".join(line.removeprefix("#") for line in lines if line.startswith("#")))
    assert Settings.load(environ={}, dotenv=active) == Settings.load(environ={})


# --- sources ------------------------------------------------------------------------------------------------


def test_flag_beats_environment_beats_file_beats_default(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("MQTT_PORT=1001\nREDIS_PORT=1001\nTRASH_TTL=1001\n")
    environ = {"MQTT_PORT": "1002", "REDIS_PORT": "1002"}
    read = Settings.load({"MQTT_PORT": "1003", "REDIS_PORT": None}, environ)  # the file is in the working folder
    assert (read.mqtt_port, read.redis_port, read.trash_ttl, read.batch_size) == (1003, 1002, 1001, 1000)
    assert read == Settings.load({"MQTT_PORT": "1003"}, environ, file)


def test_empty_means_not_set() -> None:
    assert load(MQTT_PORT="", REDIS_URL="", QCTL_ALLOWED_JOBS="") == load()


def test_values_in_a_file_are_not_interpolated(tmp_path: Path) -> None:
    file = tmp_path / "some.env"
    file.write_text("REDIS_HOST=h\nREDIS_PASSWORD='a${HOME}b$c'\n")
    assert Settings.load(environ={}, dotenv=file).redis_password == "a${HOME}b$c"


def test_a_binary_file_is_named(tmp_path: Path) -> None:
    file = tmp_path / "bad.env"
    file.write_bytes(b"REDIS_PASSWORD=\xff\xfe\n")
    with pytest.raises(SettingsError, match=r"bad\.env: cannot be read: not UTF-8"):
        Settings.load(environ={}, dotenv=file)


# --- values -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("QCTL_HOME", "~nobody-of-that-name/x", "starts with the home folder of an unknown user"),
        ("QCTL_HOME", "a\nb", "contains a control character"),
        ("QCTL_HOME", "a\udcffb", "is not valid UTF-8"),
        ("LOG_LEVEL", "loud", "'loud' is not one of debug, info, warning, error"),
        ("QCTL_ALLOWED_JOBS", "*", "must start with your own package"),
        ("QCTL_ALLOWED_JOBS", "my.tasks.*, *.tasks", "must start with your own package"),
        ("QCTL_ALLOWED_JOBS", "eval", "must start with your own package"),
        ("QCTL_ALLOWED_JOBS", "my.tasks.a b", "is not a list of dotted names"),
        ("QCTL_ALLOWED_JOBS", "my._private.*", "begins with _"),
        ("MQTT_ENABLED", "maybe", "'maybe' is not true or false"),
        ("MQTT_PORT", "x" * 5000, f"'{'x' * 60}...' is not a whole number"),
        ("MQTT_PORT", "1_883", "is not a whole number"),
        ("MQTT_PORT", "١٨٨٣", "is not a whole number"),
        ("MQTT_PORT", "9" * 5000, "is not a whole number"),
        ("MQTT_PORT", "0", "'0' is not between 1 and 65535"),
        ("QCTL_READINGS_FLUSH_INTERVAL", "nan", "'nan' is not a number of seconds"),
        ("QCTL_READINGS_FLUSH_INTERVAL", "0", "is not between 0.05 and 3600 seconds"),
        ("REDIS_URL", "http://h", "does not start with redis:// or rediss:// or unix://"),
        ("REDIS_URL", "redis://h:port/0", "its port is not a number up to 65535"),
        ("REDIS_URL", "redis://h:0/0", "has port 0"),
        ("REDIS_URL", "redis://[::1/0", "is not a URL"),
        ("REDIS_URL", "redis:///0", "has no host"),
        ("REDIS_URL", "redis://h/first", "has a database that is not a number"),
        ("REDIS_URL", "redis://:a#b@h/0", "its password contains / ? # instead of %2F %3F %23"),
        ("REDIS_URL", "redis://h/0#1", "contains a # instead of %23"),
        ("REDIS_URL", "redis://h /0", "contains a space"),
        ("REDIS_URL", "unix://run/redis.sock", "has no absolute path of a socket"),
        ("REDIS_URL", "unix://", "has no absolute path of a socket"),
        ("REDIS_HOST", "redis://h", "is not the name of a host"),
        ("REDIS_HOST", "h:6379", "is not the name of a host"),
        ("QCTL_REDIS_MAXMEMORY", "1 gb", "is not an amount of memory"),
        ("QCTL_REDIS_MAXMEMORY", "75%", "is not an amount of memory"),
        ("MQTT_BROKER", "mqtt://user:pass@h", "contains a user or a password"),
        ("MQTT_BROKER", ",", "names no server"),
        ("MQTT_BROKER", "mqtts://a,mqtt://b", "mixes schemes"),
        ("MQTT_BROKER", ",".join(["mqtt://a"] * 17), "names more than 16 servers"),
        ("INFLUX_URL", "https://a,http://b", "mixes schemes"),
        ("MQTT_BROKER", "localhost:1883", "does not start with mqtt:// or mqtts://"),
        ("INFLUX_URL", "http://h/?token=abc", "has a query or a fragment"),
        ("INFLUX_URL", "http://", "has no host"),
        ("MQTT_TOPIC", "sensors/#/x", "has a # that is not alone"),
        ("MQTT_TOPIC", "sensors#", "has a # that is not alone"),
        ("MQTT_TOPIC", "a/b+/c", "has a + that is not alone"),
        ("MQTT_TOPIC", "$share/group", "is not of the form $share/GROUP/FILTER"),
        ("MQTT_TOPIC", "$share//a", "is not of the form $share/GROUP/FILTER"),
        ("MQTT_TOPIC", "$share/group/", "is not of the form $share/GROUP/FILTER"),
        ("MQTT_TOPIC", "$share/g+/a", "has a wildcard in its group name"),
        ("MQTT_TOPIC", "ä" * 32768, "is longer than 65535 bytes"),
        ("MQTT_TOPIC_PATTERN", "sensors/{site}/...", "has no level {device}"),
        ("MQTT_TOPIC_PATTERN", "{device}/{device}", "has a name twice"),
        ("MQTT_TOPIC_PATTERN", "{device}/{topic}", "has a name twice, or a reserved name"),
        ("MQTT_TOPIC_PATTERN", "{device}/{Site}", "is not lower-case letters"),
        ("MQTT_TOPIC_PATTERN", "{device}/#", "outside {name}"),
        ("MQTT_TOPIC_PATTERN", "a/.../{device}", "outside {name}"),
        ("MQTT_TOPIC_PATTERN", "a{b}/{device}", "outside {name}"),
        ("MQTT_CLIENT_ID", "ä" * 65, "is longer than 128 bytes"),
        ("CLIENT_URL", "localhost:5173", "does not start with http:// or https://"),
        ("CLIENT_URL", "http://a.example/path", "is not a list of origins"),
        ("CLIENT_URL", "http://a.example,https://user@b.example", "is not a list of origins"),
        ("DB_HOST", "mysql://h", "is not the name of a host"),
        ("MONGODB_URI", "localhost:27017", "does not start with mongodb:// or mongodb+srv://"),
        ("MONGODB_URI", "mongodb://h/a b", "contains a space"),
        ("QCTL_MESSAGES_SINK", "oracle", "is not one of mysql, mongodb, sqlite"),
    ],
)
def test_a_bad_value_is_refused_by_name(name: str, value: str, problem: str) -> None:
    error = refusal(**{name: value})
    assert error.name == name
    assert problem in error.message
    assert len(error.message) < 200
    assert "\n" not in error.message


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("REDIS_URL", "redis://user:p%23w@redis.example:6380/15"),
        ("REDIS_URL", "rediss://[::1]:6380?ssl_cert_reqs=none"),
        ("REDIS_URL", "unix://user:pw@/run/redis.sock?db=3"),
        ("MQTT_TOPIC", "$share/bridges/+/temperature/#"),
        ("MQTT_TOPIC_PATTERN", "sensors/{device}"),
        ("MQTT_TOPIC_PATTERN", "sensors/{site}/{device}/..."),
        ("MQTT_TOPIC_PATTERN", "+/+/{device}/{line_2}"),
        ("MQTT_TOPIC", "/"),
        ("MQTT_TOPIC", "#"),
        ("QCTL_REDIS_MAXMEMORY", "0"),
        ("REDIS_HOST", "redis.internal"),
        ("MONGODB_URI", "mongodb://user:pw@a.example,b.example:27018/data?replicaSet=rs0"),
        ("MONGODB_URI", "mongodb+srv://cluster.example"),
    ],
)
def test_a_good_value_is_kept_as_it_is(name: str, value: str) -> None:
    rest = {"INFLUX_TOKEN": "t", "ORG": "o", "BUCKET": "b"} if name == "INFLUX_URL" else {}
    field = next(spec.name for spec in Settings.specs() if spec.env == name)
    assert getattr(load(**{name: value}, **rest), field) == value


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MQTT_BROKER", "mqtts://broker.example:8883"),
        ("MQTT_BROKER", "mqtt://a.example:1883,mqtt://b.example:1884"),
        ("INFLUX_URL", "http://127.0.0.1:8428/influx"),
        ("INFLUX_URL", "https://a.example, https://b.example"),
        ("DB_HOST", "db1.example,db2.example,::1"),
    ],
)
def test_several_servers_are_a_list(name: str, value: str) -> None:
    rest = {"INFLUX_TOKEN": "t", "ORG": "o", "BUCKET": "b"} if name == "INFLUX_URL" else {}
    rest |= {"DB_USER": "u", "DB_NAME": "d"} if name == "DB_HOST" else {}
    field = next(spec.name for spec in Settings.specs() if spec.env == name)
    assert getattr(load(**{name: value}, **rest), field) == tuple(value.replace(" ", "").split(","))


def test_origins_are_a_list_as_browsers_write_them() -> None:
    assert load().client_url == ("http://localhost:5173",)
    assert load(CLIENT_URL=' "http://a.example/" , https://b.example:8443,').client_url == (
        "http://a.example",
        "https://b.example:8443",
    )
    assert load(CLIENT_URL="*").client_url == ("*",)


def test_each_pipeline_has_its_flush_interval() -> None:
    read = load(BATCH_CHECK_INTERVAL="2", QCTL_READINGS_FLUSH_INTERVAL="0.5")
    assert [read.flush_interval(name) for name in ("readings", "messages")] == [0.5, 2.0]


@pytest.mark.parametrize(
    ("name", "environ"),
    [
        ("DB_HOST", {"QCTL_MESSAGES_SINK": "mysql"}),
        ("DB_USER", {"DB_HOST": "h", "DB_NAME": "n"}),
        ("DB_NAME", {"DB_HOST": "h", "DB_USER": "u"}),
        ("MONGODB_URI", {"QCTL_MESSAGES_SINK": "mongodb"}),
    ],
)
def test_a_database_needs_all_its_settings(name: str, environ: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match="not set, but required by") as caught:
        load(**environ)
    assert caught.value.name == name


def test_patterns_of_jobs_are_a_list() -> None:
    assert load(QCTL_ALLOWED_JOBS="my.tasks.*, other.send_*,").allowed_jobs == ("my.tasks.*", "other.send_*")


@given(st.integers())
def test_ports_are_1_to_65535(port: int) -> None:
    if 1 <= port <= 65535:
        assert load(MQTT_PORT=str(port)).mqtt_port == port
    else:
        refusal(MQTT_PORT=str(port))


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_seconds_are_read_as_python_writes_them_or_refused(value: float) -> None:
    raw = f"{value:f}"
    if 0.05 <= float(raw) <= 3600:
        assert load(QCTL_READINGS_FLUSH_INTERVAL=raw).readings_flush_interval == float(raw)
    else:
        refusal(QCTL_READINGS_FLUSH_INTERVAL=raw)


@given(st.text(st.sampled_from("ab/+#$"), min_size=1, max_size=12))
def test_topic_filters_are_those_that_paho_accepts(topic: str) -> None:
    if Client._filter_wildcard_len_check(topic.encode()) == MQTT_ERR_SUCCESS:
        assert load(MQTT_TOPIC=topic).mqtt_topic == topic
    else:
        refusal(MQTT_TOPIC=topic)


@pytest.mark.parametrize("amount", ["0", "8388608", "8192K", "8MB", "12m", "1Gb", "1G", "100b"])
def test_redis_accepts_the_accepted_amounts_of_memory(amount: str, redis_server: RedisServer) -> None:
    with Redis.from_url(redis_server.url) as client:
        try:
            client.config_set("maxmemory", load(QCTL_REDIS_MAXMEMORY=amount).redis_maxmemory)
        finally:
            client.config_set("maxmemory", 0)


# --- together -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({"INFLUX_URL": "http://h"}, "INFLUX_TOKEN"),
        ({"INFLUX_URL": "http://h", "INFLUX_TOKEN": "t"}, "ORG"),
        ({"INFLUX_URL": "http://h", "INFLUX_TOKEN": "t", "ORG": "o"}, "BUCKET"),
        ({"MQTT_PASSWORD": "p"}, "MQTT_USERNAME"),
        ({"REDIS_PASSWORD": "p"}, "REDIS_HOST"),
    ],
)
def test_a_missing_companion_setting_is_named(given: dict[str, str], missing: str) -> None:
    with pytest.raises(SettingsError, match=f"{missing}: not set, but required by") as caught:
        load(**given)
    assert caught.value.name == missing


def test_a_home_below_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    error = refusal(QCTL_HOME=str(tmp_path / "file" / "deep" / "home"))
    assert error.message == f"QCTL_HOME: {str(tmp_path / 'file')!r} is not a folder"


def test_a_home_too_long_for_a_socket_is_refused_unless_redis_is_elsewhere(tmp_path: Path) -> None:
    home = str(tmp_path / ("x" * 100))
    assert "bytes too long" in refusal(QCTL_HOME=home).message
    assert load(QCTL_HOME=home, REDIS_HOST="h").home == Path(home)


def test_the_home_folder_is_created_private(tmp_path: Path) -> None:
    made = load(QCTL_HOME=str(tmp_path / "deep" / "home")).make_home()
    assert made.stat().st_mode & 0o777 == 0o700
    assert load(QCTL_HOME=str(made)).make_home() == made


def test_a_home_that_cannot_be_created_is_an_error_of_its_setting() -> None:
    settings = load(QCTL_HOME="/proc/qctl/home")
    with pytest.raises(SettingsError, match="QCTL_HOME: cannot create '/proc/qctl/home': "):
        settings.make_home()


def test_a_home_of_another_user_is_an_error_of_its_setting(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o500)
    code = "from qctl.settings import Settings; Settings.load().make_home()"
    command = [*without_root(), sys.executable, "-c", code]
    run = subprocess.run(command, env={**os.environ, "QCTL_HOME": str(home)}, stderr=subprocess.PIPE, text=True)
    assert f"QCTL_HOME: '{home}' is not writable" in run.stderr


def without_root() -> list[str]:
    """Command prefix that takes root's right to write everywhere."""
    if os.geteuid() != 0:
        return []
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        pytest.skip("setpriv: root may write everywhere")
    return [setpriv, "--bounding-set=-all", "--inh-caps=-all"]


def test_a_relative_home_does_not_move_with_the_working_folder(tmp_path: Path) -> None:
    assert load(QCTL_HOME="var").home == tmp_path / "var"


# --- what follows from them ---------------------------------------------------------------------------------


def test_redis_target_follows_the_priorities(tmp_path: Path) -> None:
    assert load(QCTL_HOME=str(tmp_path)).redis_target == "redis://localhost:6379/0"
    (tmp_path / "redis.sock").touch()
    assert load(QCTL_HOME=str(tmp_path)).redis_target == f"unix://{tmp_path}/redis.sock"
    assert load(REDIS_HOST="h", REDIS_PORT="1", REDIS_DB="2").redis_target == "redis://h:1/2"
    assert load(REDIS_HOST="::1", REDIS_PASSWORD="p").redis_target == "redis://:p@[::1]:6379/0"
    assert load(REDIS_HOST="h", REDIS_URL="redis://other").redis_target == "redis://other"


@given(PLAIN)
def test_any_password_reaches_redis_py(password: str) -> None:
    client = Redis.from_url(load(REDIS_HOST="h", REDIS_PASSWORD=password).redis_target)
    options = client.connection_pool.connection_kwargs
    assert (options["host"], options["password"], options["db"]) == ("h", password, 0)


def test_retries_wait_2_4_8_seconds_by_default() -> None:
    assert load().retry_delays == [2, 4, 8]
    assert load(QUEUE_DEFAULT_ATTEMPTS="0").retry_delays == []
    assert load(QUEUE_DEFAULT_BACKOFF="0", QUEUE_DEFAULT_ATTEMPTS="2").retry_delays == [1, 1]


# --- secrets ------------------------------------------------------------------------------------------------

SECRETS = sorted(spec.env for spec in Settings.specs() if spec.secret)


def test_settings_with_secret_names_are_marked_secret() -> None:
    sounding = {
        spec.env
        for spec in Settings.specs()
        if any(word in spec.env for word in ("PASSWORD", "TOKEN", "SECRET", "KEY"))
    }
    sounding -= {"QCTL_PASSWORD_LENGTH", "QCTL_WEAK_PASSWORDS"}  # rules, not passwords
    assert sounding | {"REDIS_URL", "MONGODB_URI"} == set(SECRETS)


def test_secrets_are_not_in_the_repr() -> None:
    shown = repr(
        load(
            REDIS_URL="redis://:hunter2@h",
            REDIS_HOST="h",
            REDIS_PASSWORD="hunter2",
            MQTT_USERNAME="u",
            MQTT_PASSWORD="hunter2",
            INFLUX_TOKEN="hunter2",
        )
    )
    assert "hunter2" not in shown
    assert "mqtt_username='u'" in shown


@pytest.mark.parametrize("name", [*SECRETS, "MQTT_BROKER", "INFLUX_URL", "REDIS_HOST", "MQTT_PORT"])
@pytest.mark.parametrize("form", ["redis://u:{}@h:x", "mqtt://u:{}@h", "redis://:{}/x@h:1/0", "u:{}@h\n"])
def test_a_password_in_the_wrong_place_is_not_repeated(name: str, form: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), pytest.raises(SettingsError) as caught:
        load(**{name: form.format("hunter2"), "MQTT_USERNAME": "u"}, REDIS_DB="none")
    chain = [caught.value, caught.value.__cause__]
    assert caught.value.__suppress_context__
    assert not [error for error in chain if "hunter2" in f"{error} {error!r}"]
    assert "hunter2" not in caplog.text
