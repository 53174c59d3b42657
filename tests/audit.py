"""Looks for known holes in what constraints.txt pins: `make audit`. It takes the network, so no test does it.

    python tests/audit.py FOLDER     pip-audit and safety-db are installed into FOLDER, if they are missing

pip-audit asks PyPI about each version. For packages that it cannot ask about, because the package index is the only
network, safety-db is searched: a free database that is itself a package. Its age is printed, because it knows nothing
newer. Exits 1 if a hole is known, and if packages could not be audited at all. NO_AUDIT=1 skips the audit.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
import venv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet

PINS = Path(__file__).parents[1] / "constraints.txt"
TOOLS = ("pip-audit", "safety-db")
NOT = "NOT AUDITED: "
DAY_SECONDS = 86_400
SKIP_HINT = "set NO_AUDIT=1 to go on without an audit"


@dataclass(frozen=True)
class Answer:
    """Lines about known holes, their number, and the pins that were not looked at, by name."""

    lines: tuple[str, ...]
    holes: int
    unknown: Mapping[str, str]


def main(folder: Path) -> int:
    """Ask about all that is pinned, print what is known, and return the exit code."""
    if os.environ.get("NO_AUDIT") == "1":
        print(f"{NOT}NO_AUDIT=1")
        return 0
    if not (folder / "bin" / "pip-audit").exists():
        venv.create(folder, with_pip=True)
    pip = [str(folder / "bin" / "pip"), "install", "--quiet", "-c", str(PINS), *TOOLS]
    installed = subprocess.run(pip, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if installed.returncode:
        print(f"{NOT}{' and '.join(TOOLS)} cannot be installed: {_last(installed.stdout)}; {SKIP_HINT}")
        return 1
    online = ask(folder)
    (database,) = folder.glob("lib/python*/site-packages/safety_db/insecure_full.json")
    lines, code = conclude(online, json.loads(database.read_text(encoding="utf-8")), time.time())
    print("\n".join(lines))
    return code


def ask(folder: Path) -> Answer:
    """Ask PyPI about every pin."""
    what = ["--requirement", str(PINS), "--no-deps", "--disable-pip"]
    command = [str(folder / "bin" / "pip-audit"), *what, "--format", "json", "--progress-spinner", "off"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    return judge(ran.stdout, ran.stderr, pins(PINS.read_text(encoding="utf-8")))


def pins(text: str) -> dict[str, str]:
    """Name and version of each pin."""
    return dict(re.findall(r"^([A-Za-z0-9._-]+)==([^ ;\\#\s]+)", text, re.MULTILINE))


def judge(found: str, errors: str, pinned: Mapping[str, str]) -> Answer:
    """Read pip-audit's answer (JSON)."""
    try:
        packages: list[dict[str, Any]] = json.loads(found)["dependencies"]
    except (ValueError, LookupError):
        return Answer((f"the database of PyPI does not answer: {_last(errors)}",), 0, pinned)
    holes = [(package, hole) for package in packages for hole in package.get("vulns", ())]
    lines = [
        f"{package['name']} {package['version']}: {' '.join([hole['id'], *hole['aliases']])}, "
        f"mended in {', '.join(hole['fix_versions']) or 'no version yet'}"
        for package, hole in holes
    ]
    unknown = {package["name"] for package in packages if "skip_reason" in package}
    return Answer(tuple(lines), len(holes), {name: pinned[name] for name in pinned if name in unknown})


def search(database: Mapping[str, Any], pinned: Mapping[str, str]) -> list[str]:
    """Describe each hole that safety-db knows in these versions."""
    by_name: Mapping[str, Sequence[Mapping[str, Any]]] = {_normal(name): of for name, of in database.items()}
    return [
        f"{name} {version}: {' '.join(filter(None, [entry.get('id'), entry.get('cve')]))}"
        for name, version in pinned.items()
        for entry in by_name.get(_normal(name), ())
        if any(_matches(version, spec) for spec in entry.get("specs", ()))
    ]


def conclude(online: Answer, database: Mapping[str, Any], now: float) -> tuple[list[str], int]:
    """Join the answers of both databases. Returns the lines to print, and the exit code."""
    lines, holes = list(online.lines), online.holes
    if online.unknown:
        made = float(database["$meta"]["timestamp"])
        found = search({name: of for name, of in database.items() if not name.startswith("$")}, online.unknown)
        lines += found
        holes += len(found)
        date = time.strftime("%Y-%m-%d", time.gmtime(made))
        lines.append(
            f"{len(online.unknown)} packages looked at in safety-db only, which is of {date}, "
            f"{(now - made) / DAY_SECONDS:.0f} days old: it knows no newer holes"
        )
    return [*lines, f"{holes} known holes"], 1 if holes else 0


def _matches(version: str, spec: str) -> bool:
    try:
        return SpecifierSet(spec).contains(version, prereleases=True)
    except InvalidSpecifier:
        return False


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _last(text: str) -> str:
    return (text.strip().splitlines() or ["it says nothing"])[-1][:300]


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
