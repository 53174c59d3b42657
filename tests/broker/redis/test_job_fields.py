"""Fields that qctl adds to RQ's hashes: one list, which the Lua scripts follow."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

from qctl.broker.redis import job_fields

SOURCE = Path(str(files("qctl")))
NAMES = {value for name, value in vars(job_fields).items() if name.isupper()}
LITERAL = re.compile(r"""["'](qctl_[a-z_]+)["']""")


def test_lua_scripts_name_listed_fields_only() -> None:
    scripts = sorted(SOURCE.glob("broker/*/lua/*.lua"))
    used = {name for script in scripts for name in re.findall(r"\bqctl_[a-z_]+", script.read_text(encoding="utf-8"))}
    assert used
    assert used <= NAMES


def test_python_names_fields_in_one_module() -> None:
    found = {
        f"{module.relative_to(SOURCE)}: {name}"
        for module in SOURCE.rglob("*.py")
        if module != Path(job_fields.__file__)
        for name in LITERAL.findall(module.read_text(encoding="utf-8"))
    }
    assert not found


def test_each_field_has_a_name_of_its_own() -> None:
    assert all(re.fullmatch(r"qctl_[a-z_]+", name) for name in NAMES)
    assert len(NAMES) == sum(name.isupper() for name in vars(job_fields))
