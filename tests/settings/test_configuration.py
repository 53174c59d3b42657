"""Effective settings with their origins and problems, without secrets."""

from __future__ import annotations

import base64
import os
import stat
from pathlib import Path

import pytest

from qctl.errors import QctlError, RefusedError
from qctl.settings import Settings, configuration, contexts, env_example, sources
from qctl.settings.servers import Source


def places(**environ: str) -> list[Source]:
    return sources.find_sources({}, environ)


def write_contexts(text: str, mode: int = 0o600) -> None:
    contexts.config_file().parent.mkdir(parents=True, exist_ok=True)
    contexts.config_file().write_text(text)
    contexts.config_file().chmod(mode)


def test_every_setting_is_shown_with_its_origin_and_no_secret() -> None:
    environ = {
        "REDIS_URL": "redis://u:hunter2@h/0",
        "REDIS_PASSWORD": "hunter2",
        "MONGODB_URI": "mongodb://a:hunter2@m/x",
        "INFLUX_TOKEN": "hunter2",
        "MQTT_PORT": "no number",
    }
    found = {one.name: one for one in configuration.effective_settings(places(**environ))}
    assert sorted(found) == sorted(Settings.names())
    assert "hunter2" not in str(found)
    assert found["REDIS_URL"].value == "redis://u:***@h/0"
    assert found["MONGODB_URI"].value == "mongodb://a:***@m/x"
    assert (found["REDIS_PASSWORD"].value, found["REDIS_PASSWORD"].origin) == ("***", "environment")
    assert (found["MQTT_PORT"].value, found["MQTT_PORT"].origin) == ("no number", "environment")
    assert (found["SMTP_PASSWORD"].value, found["SMTP_PASSWORD"].origin) == (None, "default")


def test_contexts_are_listed_without_secrets_and_with_their_problems() -> None:
    write_contexts(
        '[contexts.a]\nREDIS_URL = "redis://:hunter2@h/0"\nQCTL_READ_ONLY = true\n'
        '[contexts.b]\nREDIS_PORT = "x"\n[contexts.c]\nTRASH_TTL = 90\n'
    )
    contexts.choose_context("a")
    a, b, c = configuration.list_contexts(places())
    assert (a.redis, a.read_only, a.chosen_by) == ("redis://:***@h/0", True, "qctl context use")
    assert (b.chosen_by, b.problem) == (None, "REDIS_PORT: 'x' is not a whole number")
    assert (c.redis, c.read_only, c.problem) == (None, False, None)
    assert [one.value for one in configuration.context_settings(contexts.get_context("a"))] == [
        "true",
        "redis://:***@h/0",
    ]


def test_a_valid_configuration_is_one_finding() -> None:
    (finding,) = configuration.check_configuration(places())
    assert finding.status == "ok"


def test_all_problems_are_reported_at_once(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("REDIS_PASSWORD=hunter2\nQCTL_HOM=/x\n")
    (tmp_path / ".env").chmod(0o644)
    write_contexts("[contexts.a]\nREDIS_PORT = 'x'\n")
    found = configuration.check_configuration(places(MQTT_PORT="y", QCTL_CONTEXT="a"))
    assert [(one.check, one.status) for one in found] == [
        ("settings", "down"),
        ("settings", "down"),
        ("names", "degraded"),
        ("secrets", "degraded"),
    ]
    text = str(found)
    for part in ("REDIS_PORT", "MQTT_PORT", "'QCTL_HOM' (.env)", "chmod 600 .env"):
        assert part in text
    assert "hunter2" not in text


@pytest.mark.parametrize(
    ("owner", "mode", "exposed"), [(0, 0o640, False), (0, 0o644, True), (1, 0o640, True), (1, 0o600, False)]
)
def test_the_group_of_roots_file_may_read_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: int, mode: int, exposed: bool
) -> None:
    (tmp_path / ".env").write_text("REDIS_PASSWORD=hunter2\n")
    found = places()
    status = os.stat_result((stat.S_IFREG | mode, 0, 0, 1, owner, 0, 0, 0, 0, 0))
    with monkeypatch.context() as patch:  # a test cannot give files away unless root runs it
        patch.setattr(os, "stat", lambda *_, **__: status)
        findings = list(configuration._exposed_files(found))
    assert [one.check for one in findings] == ["secrets"] * exposed


def test_settings_that_need_each_other_are_checked_too() -> None:
    (finding,) = configuration.check_configuration(places(INFLUX_URL="http://h:8086"))
    assert (finding.status, finding.reason.partition(":")[0]) == ("down", "INFLUX_TOKEN")


@pytest.mark.parametrize("text", ["[contexts.a", "[contexts.b]\n"])
def test_an_invalid_context_is_a_finding(text: str) -> None:
    write_contexts(text)
    found = configuration.check_configuration(places(QCTL_CONTEXT="a"))
    assert [(one.check, one.status) for one in found] == [("contexts", "down")]


def test_init_writes_a_private_file_and_overwrites_nothing(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    configuration.write_env_file(file)
    made = Settings.load(environ={}, dotenv=file)
    key, push_key = made.gateway_secret or "", made.push_key or ""
    text = env_example().replace("#QCTL_GATEWAY_SECRET=", f"QCTL_GATEWAY_SECRET={key}")
    assert file.read_text() == text.replace("#QCTL_PUSH_KEY=", f"QCTL_PUSH_KEY={push_key}")
    assert [len(base64.urlsafe_b64decode(made + "=")) for made in (key, push_key)] == [32, 32]
    assert file.stat().st_mode & 0o777 == 0o600
    file.write_text("REDIS_DB=1\n")
    file.chmod(0o644)
    with pytest.raises(RefusedError):
        configuration.write_env_file(file)
    assert file.read_text() == "REDIS_DB=1\n"
    configuration.write_env_file(file, replace=True)
    assert Settings.load(environ={}, dotenv=file).gateway_secret not in (None, key)
    assert file.stat().st_mode & 0o777 == 0o600
    with pytest.raises(QctlError, match="cannot write"):
        configuration.write_env_file(tmp_path / "no" / "such")
