"""QCTL_HOME and what daemons write: for their user alone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from qctl.errors import SettingsError
from qctl.settings import Settings

DAEMON = "from qctl import daemon; daemon.run('qctl-test', lambda context: open('written', 'w').close())"

UP = """
from qctl.settings import Settings
from qctl.stack import run
run._programs = lambda *_, **__: open('written', 'w').close() or exit()
run.run_stack(Settings.load())
"""


def test_an_open_home_is_closed_and_a_foreign_one_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    home.mkdir()
    home.chmod(0o777)
    settings = Settings.load(environ={"QCTL_HOME": str(home)})
    settings.make_home()
    assert home.stat().st_mode & 0o777 == 0o700
    monkeypatch.setattr(os, "geteuid", lambda: 54_321)
    with pytest.raises(SettingsError, match="belongs to another user"):
        settings.make_home()


@pytest.mark.parametrize("code", [DAEMON, UP], ids=["daemon", "up"])
def test_daemons_and_up_write_private_files(code: str, tmp_path: Path) -> None:
    command = [sys.executable, "-c", f"import os; os.umask(0)\n{code}"]
    env = os.environ | {"QCTL_HOME": str(tmp_path / "home")}
    assert subprocess.run(command, env=env, check=False, timeout=60).returncode == 0
    assert (tmp_path / "written").stat().st_mode & 0o777 == 0o600
