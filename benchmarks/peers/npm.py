"""Bull and BullMQ, where node is present."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

HERE = Path(__file__).parents[1] / "node"
SCRIPT = HERE / "noop.js"
NAMES = ("bull", "bullmq")
P = TypeVar("P")


def peers(make: Callable[[str, str, tuple[str, ...]], P]) -> tuple[P, ...]:
    """The workers: name, the module that fills its queue, command. None without node."""
    node = shutil.which("node")
    return tuple(make(name, f"{name}_peer", (node, str(SCRIPT), name, "work")) for name in NAMES) if node else ()


def install() -> None:
    """Install what they need, once."""
    if not (HERE / "node_modules" / NAMES[-1]).is_dir():
        words = ["npm", "install", "--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts", "--silent"]
        subprocess.run(words, cwd=HERE, check=True)


def run(name: str) -> None:
    """Do what the arguments of this process say."""
    install()
    sys.exit(subprocess.run(["node", str(SCRIPT), name, *sys.argv[1:]], check=False).returncode)
