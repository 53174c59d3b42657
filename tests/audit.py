"""Looks for known holes in what constraints.txt pins: `make audit`. It takes the network, so no test does it.

    python tests/audit.py FOLDER     pip-audit is installed into FOLDER, where it is not there yet

Exits 1 where a hole is known. Where nobody can be asked it says that, and exits 0: that is no hole.
"""

from __future__ import annotations

import json
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

PINS = Path(__file__).parents[1] / "constraints.txt"
NOT = "NOT AUDITED: "


def main(folder: Path) -> int:
    """Ask about all that is pinned, and print what is known."""
    program = folder / "bin" / "pip-audit"
    if not program.exists():
        venv.create(folder, with_pip=True)
        pip = [str(folder / "bin" / "pip"), "install", "--quiet", "-c", str(PINS), "pip-audit"]
        installed = subprocess.run(pip, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if installed.returncode:
            print(f"{NOT}pip-audit cannot be installed: {_last(installed.stdout)}")
            return 0
    what = ["--requirement", str(PINS), "--no-deps", "--disable-pip"]
    command = [str(program), *what, "--format", "json", "--progress-spinner", "off"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    lines, code = judge(ran.stdout, ran.stderr)
    print("\n".join(lines))
    return code


def judge(found: str, errors: str = "") -> tuple[list[str], int]:
    """Describe pip-audit's answer (JSON), and choose the exit code."""
    try:
        packages: list[dict[str, Any]] = json.loads(found)["dependencies"]
    except (ValueError, LookupError):
        return [f"{NOT}the database of known holes does not answer: {_last(errors)}"], 0
    unknown = [package["name"] for package in packages if "skip_reason" in package]
    holes = [(package, hole) for package in packages for hole in package.get("vulns", ())]
    lines = [
        f"{package['name']} {package['version']}: {' '.join([hole['id'], *hole['aliases']])}, "
        f"mended in {', '.join(hole['fix_versions']) or 'no version yet'}"
        for package, hole in holes
    ]
    if unknown:
        names = ", ".join(unknown[:5]) + (" ..." if len(unknown) > 5 else "")
        lines.append(f"{NOT}the database does not know {len(unknown)} of {len(packages)} packages: {names}")
    if len(unknown) < len(packages):
        lines.append(f"{len(packages) - len(unknown)} packages looked at, {len(holes)} known holes")
    return lines, 1 if holes else 0


def _last(text: str) -> str:
    return (text.strip().splitlines() or ["it says nothing"])[-1][:300]


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
