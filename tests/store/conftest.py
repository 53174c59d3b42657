"""The databases that the workers' tables are in."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from qctl.settings import Settings


@pytest.fixture(params=["sqlite", "mysql"])
def database_settings(request: pytest.FixtureRequest, make_settings: Callable[..., Settings]) -> Settings:
    """Settings that lead to SQLite, and to a real MariaDB."""
    if request.param == "sqlite":
        return make_settings()
    return make_settings(**request.getfixturevalue("mariadb").environ)
