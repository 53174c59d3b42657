"""`qctl context` and `qctl config`: an option overrides the environment, .env and the context, in this order."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.conftest import Ran
from qctl.settings import contexts
from support.servers import RedisServer

Qctl = Callable[..., Ran]


@pytest.fixture
def two_contexts(redis_server: RedisServer) -> None:
    """Create the contexts `live`, whose Redis answers, and `prod`, which is read-only."""
    contexts.config_file().write_text(
        f'[contexts.live]\nREDIS_URL = "{redis_server.tcp_url}"\n'
        f'[contexts.prod]\nREDIS_URL = "redis://ops:hunter2@redis.example:6379/0"\nQCTL_READ_ONLY = true\n'
    )
    contexts.config_file().chmod(0o600)


@pytest.fixture
def real(capsys: pytest.CaptureFixture[str]) -> Qctl:
    """Run a command line with the real Ops."""
    from qctl.cli.main import run
    from qctl.cli.session import Session

    def command(*arguments: str) -> Ran:
        return Ran(run(arguments, Session()), *capsys.readouterr())

    return command


def origins(qctl: Qctl, *arguments: str) -> dict[str, tuple[str | None, str]]:
    settings = qctl(*arguments, "config", "show", "--json").json["settings"]
    return {setting["name"]: (setting["value"], setting["origin"]) for setting in settings}


@pytest.mark.usefixtures("two_contexts")
def test_context_selects_the_redis(real: Qctl, redis_server: RedisServer) -> None:
    assert f"127.0.0.1:{redis_server.port}" in real("--context", "live", "ping").out
    assert f"127.0.0.1:{redis_server.port}" in real("ping", "--context", "live").out
    assert real("--context", "prod", "pause", "email").code == 6
    ran = real("--context", "prdo", "ping")
    assert (ran.code, ran.out) == (3, "")
    assert ran.err.endswith("did you mean 'prod'?\n")


@pytest.mark.usefixtures("two_contexts")
def test_context_use_persists(real: Qctl, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    assert real("context", "use", "live").code == 0
    assert real("ping").code == 0
    assert real("context", "list", "-o", "csv").out.splitlines()[1].split(",")[3] == "qctl context use"
    monkeypatch.setenv("QCTL_CONTEXT", "prod")
    assert json.loads(real("config", "show", "--json").out)["context"] == "prod"
    monkeypatch.delenv("QCTL_CONTEXT")
    assert real("context", "use", "nosuch").code == 3
    assert real("context", "use", "prod").code == 0
    assert real("context", "use", "--none").code == 0  # possible although the context in use is read-only
    assert real("context", "use").code == 2
    assert real("context", "show").code == 2


@pytest.mark.usefixtures("two_contexts")
def test_secrets_are_hidden(real: Qctl) -> None:
    for line in (
        ("context", "list"),
        ("context", "show", "prod"),
        ("--context", "prod", "config", "show"),
        ("--context", "prod", "config", "check"),
        ("--context", "prod", "--redis-url", "redis://u:hunter2@h/0", "config", "show"),
    ):
        for form in ("table", "json", "csv"):
            ran = real(*line, "-o", form)
            assert ran.code == 0, ran.err
            assert "hunter2" not in ran.out + ran.err
    assert "redis://ops:***@redis.example" in real("context", "list").out


@pytest.mark.usefixtures("two_contexts")
def test_settings_have_origins(real: Qctl, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("REDIS_DB=3\nLOG_LEVEL=debug\n")
    monkeypatch.setenv("LOG_LEVEL", "warning")
    found = origins(real, "--context", "prod", "--home", str(tmp_path))
    assert found["QCTL_HOME"] == (str(tmp_path), "flag")
    assert found["LOG_LEVEL"] == ("warning", "environment")
    assert found["REDIS_DB"] == ("0", "default"), "the context names the Redis"
    assert found["QCTL_READ_ONLY"] == ("true", "context prod")
    assert found["MQTT_PORT"] == ("1883", "default")
    assert found["REDIS_PASSWORD"] == (None, "default")
    changed = real("config", "show", "--changed", "-o", "name").out.split()
    assert changed == ["LOG_LEVEL", "REDIS_DB"]


@pytest.mark.usefixtures("two_contexts")
def test_overridden_context_redis_is_reported(real: Qctl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_HOST", "elsewhere")
    ran = real("--context", "prod", "config", "show", "--json")
    assert "the Redis of context prod is not used" in ran.err
    found = {setting["name"]: setting["origin"] for setting in ran.json["settings"]}
    assert (found["REDIS_URL"], found["REDIS_HOST"], found["QCTL_READ_ONLY"]) == (
        "default",
        "environment",
        "context prod",
    )


def test_unknown_setting_is_a_warning(real: Qctl, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QCTL_READONLY", "true")
    ran = real("--redis-url", redis_server.tcp_url, "ping")
    assert ran.code == 0
    assert ran.err == "qctl: unknown setting 'QCTL_READONLY' (environment); did you mean 'QCTL_READ_ONLY'?\n"
    assert real("config", "check").code == 0


def test_check_lists_all_problems_and_exits_2(real: Qctl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_PORT", "x")
    monkeypatch.setenv("LOG_LEVEL", "loud")
    ran = real("config", "check", "--json")
    assert ran.code == 2
    assert len(ran.json["findings"]) == 2
    shown = real("config", "show", "--changed", "--json")
    assert shown.code == 0
    assert {setting["name"] for setting in shown.json["settings"]} == {"REDIS_PORT", "LOG_LEVEL"}


def test_context_file_readable_by_others_is_refused(real: Qctl) -> None:
    file = contexts.config_file()
    file.write_text('[contexts.prod]\nREDIS_PASSWORD = "hunter2"\n')
    file.chmod(0o644)
    ran = real("--context", "prod", "ping")
    assert ran.code == 2
    assert ran.err.endswith(f"chmod 600 {file}\n")
    assert "hunter2" not in ran.err


def test_init_does_not_overwrite(real: Qctl, tmp_path: Path) -> None:
    assert real("config", "init").out == ".env written; uncomment the settings to change\n"
    assert (tmp_path / ".env").stat().st_mode & 0o777 == 0o600
    assert real("config", "init").code == 6
    assert real("config", "init", str(tmp_path / "other.env")).code == 0
    assert real("config", "init", "--read-only", "--force").code == 6


def test_local_commands_ignore_contexts(real: Qctl) -> None:
    """Otherwise nobody could leave a read-only context."""
    assert real("--context", "prod", "config", "init").code == 0
    assert real("--context", "nosuch", "config", "check").code == 2
