"""The package of models: each name exists, and imports only its own module."""

from __future__ import annotations

import subprocess
import sys

import pytest

from qctl import models


def test_each_name_is_found_and_listed() -> None:
    assert sorted(models._MODULES) == sorted(models.__all__)
    assert not [name for name in models.__all__ if getattr(models, name, None) is None]


def test_another_name_is_an_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        models.Nothing  # noqa: B018 - looking is the test


def test_a_name_imports_only_its_module() -> None:
    code = "import sys; from qctl.models import Stats; print(*(m for m in sys.modules if m.startswith('qctl.models.')))"
    run = subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.PIPE, text=True)
    assert run.stdout.split() == ["qctl.models.queues"]
