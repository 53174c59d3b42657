"""Sources of settings: the first one wins, and unknown names are found."""

from __future__ import annotations

from pathlib import Path

from qctl.settings import Settings, sources
from qctl.settings.servers import Source


def origins(*places: Source) -> dict[str, tuple[str, str]]:
    return {each.name: (each.raw, each.origin) for each in sources.resolve(Settings.specs(), places)}


def test_each_setting_knows_its_origin(tmp_path: Path) -> None:
    (tmp_path / "x.env").write_text("TRASH_TTL=3\nBATCH_SIZE_THRESHOLD=3\nMQTT_PORT=\n")
    places = sources.find_sources({"REDIS_URL": "redis://a/1"}, {"TRASH_TTL": "2", "LOG_LEVEL": ""}, tmp_path / "x.env")
    found = origins(*places, Source("context c", {"BATCH_SIZE_THRESHOLD": "4", "QCTL_KEEP_FAILED": "4"}))
    assert found["REDIS_URL"] == ("redis://a/1", "flag")
    assert found["TRASH_TTL"] == ("2", "environment")
    assert found["BATCH_SIZE_THRESHOLD"] == ("3", str(tmp_path / "x.env"))
    assert found["QCTL_KEEP_FAILED"] == ("4", "context c")
    assert found["MQTT_PORT"] == ("1883", "default")
    assert found["LOG_LEVEL"] == ("info", "default")


def test_a_context_sets_its_redis_completely_or_not_at_all() -> None:
    """REDIS_URL overrides REDIS_HOST: one of them in a context would override the other in the environment."""
    context = Source("context c", {"REDIS_HOST": "prod", "REDIS_PASSWORD": "x", "TRASH_TTL": "9"})
    for name, value in (("REDIS_HOST", "a"), ("REDIS_URL", "redis://a/0")):
        found = origins(Source("environment", {name: value}), context)
        assert found["REDIS_PASSWORD"] == ("", "default")
        assert found["REDIS_HOST"] == ((value, "environment") if name == "REDIS_HOST" else ("", "default"))
        assert found["TRASH_TTL"] == ("9", "context c")
    assert origins(Source("environment", {"REDIS_URL": ""}), context)["REDIS_PASSWORD"] == ("x", "context c")


def test_every_problem_is_found_at_once() -> None:
    places = [Source("environment", {"REDIS_PORT": "x", "LOG_LEVEL": "loud", "REDIS_URL": "http://u:hunter2@h"})]
    found = sources.problems(sources.resolve(Settings.specs(), places))
    assert {error.name for error in found} == {"REDIS_PORT", "LOG_LEVEL", "REDIS_URL"}
    assert "hunter2" not in str(found)


def test_unknown_settings_with_the_own_prefix_are_reported() -> None:
    places = [Source("environment", {"QCTL_READONLY": "true", "HOME": "/", "QCTL_HOME": "/x"}), Source(".env", {})]
    (unknown,) = sources.unknown_settings(places, Settings.names())
    assert (unknown.name, unknown.origin, unknown.close) == ("QCTL_READONLY", "environment", ("QCTL_READ_ONLY",))
    assert unknown.message == "unknown setting 'QCTL_READONLY' (environment); did you mean 'QCTL_READ_ONLY'?"
