"""Modules of extras are imported without the libraries that they can do without."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from qctl import extras
from qctl.errors import UnusableError


def run(code: str, folder: Path) -> str:
    """Return the output of a new interpreter."""
    ran = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True)
    return ran.stdout.strip()


def test_a_hidden_library_is_missing_for_the_module_alone(tmp_path: Path) -> None:
    (tmp_path / "large.py").write_text("")
    (tmp_path / "user.py").write_text("try:\n    import large\nexcept ImportError:\n    large = None\n")
    load = "from qctl import extras; user = extras.load('user', extra='up', needed_by='a test', without=['large'])"
    assert run(f"{load}; print(user.large); import large; print(large.__name__)", tmp_path) == "None\nlarge"


def test_a_library_that_is_in_use_is_not_hidden(tmp_path: Path) -> None:
    (tmp_path / "large.py").write_text("")
    (tmp_path / "user.py").write_text("import large\n")
    load = "from qctl import extras; user = extras.load('user', extra='up', needed_by='a test', without=['large'])"
    assert run(f"import large; {load}; print(user.large is large)", tmp_path) == "True"


def test_a_module_that_fails_hides_nothing_afterwards() -> None:
    with pytest.raises(UnusableError, match="not installed"):
        extras.load("no_such_module", extra="up", needed_by="a test", without=["no_such_library"])
    assert "no_such_library" not in sys.modules


@pytest.mark.parametrize(
    ("module", "unused"),
    [("qctl.gateway.server", "UNUSED_BY_GATEWAY"), ("qctl.sources.batcher", "UNUSED_BY_SOCKETIO")],
)
def test_servers_load_none_of_the_libraries_that_they_do_not_use(tmp_path: Path, module: str, unused: str) -> None:
    code = (
        "import sys, qctl_daemons; from qctl import extras; "
        f"extras.load({module!r}, extra='gateway', needed_by='a test', without=extras.{unused}); "
        f"print(sorted(set(extras.{unused}) & sys.modules.keys()))"
    )
    assert run(code, tmp_path) == "[]"
