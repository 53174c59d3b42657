"""Keeps the disk and the processors busy, as other programs on a machine do.

    PYTHONPATH=tests python -m support.busy_machine --writers 4 --spinners 2 -- pytest tests/cli

runs a command beside the load and returns its exit code. The load is bounded: each writer has one file of 64 MB, which
it overwrites and syncs again and again, and every process ends with the command, or after `LONGEST_LOAD_SECONDS`.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

from support.process import Program

BLOCK_BYTES = 1024**2

FILE_BLOCKS = 64
"""Blocks that are written before each fsync."""

LONGEST_LOAD_SECONDS = 7200

WRITE = "write"
SPIN = "spin"


class BusyMachine:
    """So many processes that write and fsync, and that compute, while it is open as a context manager.

    `folder` lies on the disk to be kept busy; files in it are removed at the end.
    """

    def __init__(self, folder: Path, writers: int, spinners: int = 0) -> None:
        self._folder = folder
        kinds = [*[WRITE] * writers, *[SPIN] * spinners]
        self._programs = [
            Program(f"load{n}", [sys.executable, __file__, kind, str(folder / f"load{n}.bytes")], folder, _ENV)
            for n, kind in enumerate(kinds)
        ]
        self._running = ExitStack()

    @property
    def rounds(self) -> int:
        """Number of times that a file was written and synced."""
        return sum(program.output.count("\n") for program in self._programs)

    def __enter__(self) -> BusyMachine:
        for program in self._programs:
            self._running.enter_context(program)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._running.close()
        for file in self._folder.glob("load*.bytes"):
            file.unlink()


_ENV = {"PYTHONPATH": str(Path(__file__).parent.parent)}


def _write(file: Path) -> None:
    """Overwrite a file of 64 MB and sync it, again and again; print a line each time."""
    block = os.urandom(BLOCK_BYTES)
    until = time.monotonic() + LONGEST_LOAD_SECONDS
    while time.monotonic() < until:
        with file.open("wb") as out:
            for _ in range(FILE_BLOCKS):
                out.write(block)
            out.flush()
            os.fsync(out.fileno())
        print("synced", flush=True)


def _spin() -> None:
    until = time.monotonic() + LONGEST_LOAD_SECONDS
    while time.monotonic() < until:
        sum(range(10_000))


def main() -> int:
    """Run a command beside the load. Returns its exit code."""
    parser = argparse.ArgumentParser("python -m support.busy_machine", description=__doc__)
    parser.add_argument("--writers", type=int, default=4, help="processes that write and fsync; default: 4")
    parser.add_argument("--spinners", type=int, default=os.cpu_count(), help="processes that compute; default: cores")
    parser.add_argument("--folder", type=Path, help="folder on the disk to keep busy; default: that of temporary files")
    parser.add_argument("command", nargs="+", help="the command, after --")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="qctl-load-", dir=options.folder) as name,
        BusyMachine(Path(name), options.writers, options.spinners) as load,
    ):
        code = subprocess.run(options.command).returncode
        print(f"load: {options.writers} writers synced {FILE_BLOCKS} MB {load.rounds} times", file=sys.stderr)
        return code


if __name__ == "__main__":
    if sys.argv[1:2] == [WRITE]:
        _write(Path(sys.argv[2]))
    elif sys.argv[1:2] == [SPIN]:
        _spin()
    else:
        sys.exit(main())
