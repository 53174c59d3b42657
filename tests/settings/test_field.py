"""Settings as attributes of a class: values do not change, and secrets are not shown."""

from __future__ import annotations

import pickle

import pytest

from qctl.settings import Settings
from qctl.settings.site import SiteSettings
from qctl.settings.sources import find_sources


def settings(**values: str) -> Settings:
    return Settings.load(environ={"QCTL_HOME": "/nowhere", **values})


def test_values_cannot_be_changed() -> None:
    loaded = settings()
    with pytest.raises(AttributeError, match="settings do not change"):
        loaded.redis_db = 3
    with pytest.raises(AttributeError, match="settings do not change"):
        del loaded.redis_db
    assert loaded.redis_db == 0


def test_copy_has_the_other_values() -> None:
    loaded = settings(REDIS_DB="1")
    copy = loaded.replace(redis_host="there")
    assert (copy.redis_host, copy.redis_db, loaded.redis_host) == ("there", 1, None)
    assert type(copy) is Settings


def test_unknown_name_is_an_error() -> None:
    with pytest.raises(TypeError, match="unknown settings: colour"):
        settings().replace(colour="red")


def test_equal_settings_have_equal_hashes() -> None:
    assert settings() == settings()
    assert hash(settings()) == hash(settings())
    assert settings() != settings(REDIS_DB="1")
    assert settings() != SiteSettings()
    assert pickle.loads(pickle.dumps(settings(REDIS_DB="1"))) == settings(REDIS_DB="1")  # noqa: S301


def test_attributes_have_one_name_each() -> None:
    names = [spec.name for spec in Settings.specs()]
    assert len(names) == len(set(names)) > 100
    assert {spec.name for spec in SiteSettings.specs()} < set(names)


def test_site_settings_are_those_of_all_settings() -> None:
    values = {"QCTL_HOME": "/nowhere", "REDIS_HOST": "there", "REDIS_PASSWORD": "a b", "LOG_LEVEL": "nonsense"}
    site = SiteSettings.from_sources(find_sources(environ=values))
    assert site.redis_target == settings(REDIS_HOST="there", REDIS_PASSWORD="a b").redis_target
