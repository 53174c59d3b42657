"""Versions of servers and libraries with known security holes that matter to qctl. As of November 2026.

A vendor such as Debian mends old versions without a new number: a match is a question to ask, not a verdict.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass

Version = tuple[int, ...]

SBIN = ("/usr/sbin", "/usr/local/sbin", "/sbin")
"""Folders of Debian's mosquitto; not on the PATH of an ordinary user."""


@dataclass(frozen=True)
class Hole:
    """A published hole. `fixed` is the first version of each branch (first two numbers) without it.

    Branches that are not listed have it if they are older than the newest fix.
    """

    name: str
    effect: str
    fixed: tuple[Version, ...]

    def affects(self, version: Version) -> bool:
        """Tell whether a version has the hole."""
        same_branch = [fix for fix in self.fixed if fix[:2] == version[:2]]
        return version < max(same_branch or self.fixed)


_LUA = "Lua scripts of a client can run code in the server"
_AUTHENTICATED = "a client that is logged in can run code in the server"

HOLES: Mapping[str, tuple[Hole, ...]] = {
    "Redis": (
        Hole("CVE-2025-49844", _LUA, ((6, 2, 20), (7, 2, 11), (7, 4, 6), (8, 0, 4), (8, 2, 2))),
        Hole(
            "CVE-2026-23479 and those of July 2026",
            _AUTHENTICATED,
            ((6, 2, 23), (7, 2, 15), (7, 4, 10), (8, 2, 8), (8, 4, 5), (8, 6, 5), (8, 8, 1)),
        ),
    ),
    "Valkey": (
        Hole("CVE-2025-49844", _LUA, ((7, 2, 11), (8, 0, 6), (8, 1, 4), (9, 0, 0))),
        Hole(
            "CVE-2026-63639 and CVE-2026-56684",
            _AUTHENTICATED,
            ((7, 2, 14), (8, 0, 10), (8, 1, 9), (9, 0, 5), (9, 1, 1)),
        ),
    ),
    "mosquitto": (
        Hole("CVE-2023-28366", "clients can fill the broker's memory", ((2, 0, 16),)),
        Hole("CVE-2024-8376", "clients can crash the broker", ((2, 0, 19),)),
    ),
    "RQ": (),  # none is published; jobs of other programs are never unpickled by qctl's workers, in no version
}


def warning(product: str, version: str) -> str | None:
    """Describe the known holes of a version in one line, None if there are none. An unreadable version has none."""
    numbers = parse_version(version)
    holes = [hole for hole in HOLES[product] if numbers and hole.affects(numbers)]
    if not holes:
        return None
    names = ", ".join(hole.name for hole in holes)
    return f"{product} {version} has known holes ({names}): {holes[-1].effect}. Your vendor may have mended it"


def fix(product: str, version: str) -> str:
    """Name the version to upgrade to: the newest fix of its own branch, else of all."""
    numbers = parse_version(version)
    fixes = [fix for hole in HOLES[product] for fix in hole.fixed]
    newest = max([fix for fix in fixes if fix[:2] == numbers[:2]] or fixes)
    return f"upgrade to {product} {'.'.join(map(str, newest))} or newer, or ask your vendor whether it is mended"


def parse_version(text: str) -> Version:
    """The numbers of a version; () if there are none."""
    found = re.match(r"\d+(?:\.\d+)*", text)
    return tuple(int(part) for part in found[0].split(".")) if found else ()


def find_mosquitto() -> str | None:
    """The path of the mosquitto of this machine, None if there is none."""
    return shutil.which("mosquitto", path=os.pathsep.join((os.environ.get("PATH", ""), *SBIN)))


def mosquitto_version(program: str) -> str:
    """The version that the program reports, "" if it does not."""
    try:
        said = subprocess.run([program, "-h"], capture_output=True, text=True, timeout=10, check=False).stdout
    except (OSError, subprocess.SubprocessError):
        return ""
    found = re.search(r"mosquitto version (\S+)", said)
    return found[1] if found else ""
