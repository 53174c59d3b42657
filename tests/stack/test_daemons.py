"""Daemons that `qctl up` starts, by its settings."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from qctl import processors
from qctl.errors import SettingsError
from qctl.settings import Settings
from qctl.stack.daemons import daemons

MakeSettings = Callable[..., Settings]


def sizes(settings: Settings) -> set[str]:
    """Sizes of the workers."""
    return {program.command[-1] for program in daemons(settings) if "--workers" in program.command}


def test_cluster_mode_is_as_many_as_there_are_processors(make_settings: MakeSettings) -> None:
    assert make_settings().processes == 1
    assert make_settings(CLUSTER_MODE="true").processes == min(processors.available(), 64)
    assert make_settings(QCTL_WORKERS="auto").processes == min(processors.available(), 64)
    assert make_settings(QCTL_WORKERS="3", CLUSTER_MODE="true").processes == 3
    assert make_settings(QCTL_WORKERS="2..5").processes == 2
    assert make_settings(QCTL_WORKERS="0..5").processes == 1
    assert make_settings(QCTL_WORKERS="3", CACHE_ENABLED="false").processes == 1
    assert sizes(make_settings()) == {"1"}
    assert sizes(make_settings(CLUSTER_MODE="true")) == {"auto"}
    assert sizes(make_settings(QCTL_WORKERS="3", CLUSTER_MODE="true")) == {"3"}
    for wrong in ("65", "many"):
        with pytest.raises(SettingsError, match="QCTL_WORKERS"):
            make_settings(QCTL_WORKERS=wrong)
