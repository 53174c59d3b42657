"""Folders by the XDG Base Directory Specification."""

from __future__ import annotations

from pathlib import Path

import pytest

from qctl.errors import SettingsError
from qctl.settings import user_folders


@pytest.fixture(autouse=True)
def _home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/a")
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)


def test_defaults_are_in_the_home_folder() -> None:
    assert user_folders.state_folder() == Path("/home/a/.local/state/qctl")
    assert user_folders.config_folder() == Path("/home/a/.config/qctl")
    assert user_folders.config_folder("systemd") == Path("/home/a/.config/systemd")


def test_variables_override_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/state")
    monkeypatch.setenv("XDG_CONFIG_HOME", "/config")
    assert user_folders.state_folder() == Path("/state/qctl")
    assert user_folders.config_folder() == Path("/config/qctl")


@pytest.mark.parametrize("value", ["", "  ", "relative/folder"])
def test_relative_path_is_ignored(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", value)
    assert user_folders.state_folder() == Path("/home/a/.local/state/qctl")


def test_home_that_is_not_absolute_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "here")
    with pytest.raises(SettingsError, match="HOME"):
        user_folders.state_folder()
