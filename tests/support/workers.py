"""Worker processes of qctl and of stock RQ, for tests that kill them."""

from __future__ import annotations

import sys
from pathlib import Path

from support.process import Program

TESTS = Path(__file__).parents[1]


def qctl_worker(folder: Path, url: str, *queues: str, isolation: str = "inline", name: str = "worker") -> Program:
    """A process of qctl's worker that may run `support.jobs.*`. Ready when it takes jobs."""
    command = [sys.executable, "-m", "support.worker_process", url, isolation, *queues]
    return Program(name, command, folder, env={"PYTHONPATH": str(TESTS)}, says="takes jobs from")


def stock_worker(folder: Path, url: str, *queues: str, name: str = "stock", serializer: str = "json") -> Program:
    """A process of `rq worker` that claims by PausableQueue."""
    command = [sys.executable, "-m", "rq.cli", "worker", "--url", url, "--serializer", serializer]
    command += ["--queue-class", "qctl.PausableQueue", *queues]
    return Program(name, command, folder, env={"PYTHONPATH": str(TESTS)}, says="Listening on")
