"""Run RQ's own tests against qctl's queue and workers.

`make rq-suite`, or `.venv/bin/python tests/rq_suite [KIND ...] [-k WORDS]`.

The tests come from the source distribution of the installed version of RQ, which pip downloads. They run once for
each kind of stand-in, each with a Redis of its own:

    queue    PausableQueue in the place of rq.Queue, under RQ's workers
    fork     that, and the forking worker in the place of rq.Worker, the inline one in that of rq.SimpleWorker
    inline   that, and the inline worker in the place of both
    stock    nothing is replaced: the results of RQ's tests on this machine, to compare with

Cases that cannot pass are named in `exceptions.toml` with the reason. Most of them run too, and one that passes is an
error, as is a name that RQ does not have. The kinds run side by side and take some minutes.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent)]

from support.servers import RedisServer  # noqa: E402

KINDS = ("queue", "fork", "inline", "stock")

WORKER_MODULES = """
callbacks commands dependencies executions group intermediate_queue job_dependency queue rate_limit registry repeat
results retry timeouts worker worker_registration
"""
QUEUE_MODULES = f"{WORKER_MODULES} decorator fixtures job job_lifecycle key_prefix queue_unique scheduler webhooks"
"""Modules of RQ's tests that concern queues, and above those that concern workers, without `test_`."""

KIND_TIMEOUT_SECONDS = 1500
"""Time (s) that one kind may take."""


def download(folder: Path) -> None:
    """Put RQ's tests, and nothing else of it, into a folder."""
    wanted = f"rq=={version('rq')}"
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", "rq"]
    subprocess.run([*pip, "--dest", str(folder), wanted], check=True)
    (archive,) = folder.glob("rq-*.tar.gz")
    with tarfile.open(archive) as packed:
        members = [member for member in packed.getmembers() if re.match(r"rq-[^/]+/tests/", member.name)]
        packed.extractall(folder, members, filter="data")
    next(folder.glob("rq-*/tests")).rename(folder / "tests")


def begin(kind: str, tests: Path, redis: RedisServer, more: Sequence[str]) -> subprocess.Popen[str]:
    """Start pytest on the modules that concern one kind of stand-in."""
    folder = redis.folder
    shutil.copytree(tests, folder / "tests")
    names = QUEUE_MODULES if kind in ("queue", "stock") else WORKER_MODULES
    files = [f"tests/test_{name}.py" for name in sorted(names.split())]
    without = [word for name in ("randomly", "xdist", "schemathesis", "timeout") for word in ("-p", f"no:{name}")]
    options = ["-q", "--tb=short", "-p", "substitutes", *without, "-p", "no:cacheprovider", "-W", "ignore"]
    options += ["-c", os.devnull, "--rootdir", "."]
    env = {
        **os.environ,
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "PYTHONPATH": os.pathsep.join([str(folder), str(HERE)]),
        "RQ_SUITE_KIND": kind,
        "RQ_SUITE_PORT": str(redis.port),
        "RUN_SLOW_TESTS_TOO": "1",
        "QCTL_HOME": str(folder),
    }
    with (folder / "out").open("w") as out:
        return subprocess.Popen(
            [sys.executable, "-m", "pytest", *options, *more, *files],
            cwd=folder,
            env=env,
            stdout=out,
            stderr=out,
            text=True,
            start_new_session=True,
        )


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("kinds", nargs="*", choices=[[], *KINDS], metavar="KIND")
    parser.add_argument("-k", dest="words", help="run only the tests that match, as pytest does")
    options = parser.parse_args()
    more = ["-k", options.words] if options.words else []
    failed = False
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        download(folder)
        running = []
        for kind in options.kinds or KINDS[:-1]:
            (folder / kind).mkdir()
            redis = RedisServer(folder / kind)
            redis.start()
            running.append((kind, redis, begin(kind, folder / "tests", redis, more)))
        for kind, redis, process in running:
            try:
                code = process.wait(KIND_TIMEOUT_SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                code = process.wait()
            redis.kill()
            failed = failed or code != 0
            print(f"== {kind}\n{(folder / kind / 'out').read_text()}", flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
