"""The Python of docs/jobs.md works as written: a module of jobs, an application, a worker, and the command line."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from redis import Redis

from support.process import Program
from support.servers import RedisServer
from support.waiting import PATIENCE_SECONDS

PAGE = (Path(__file__).parents[2] / "docs" / "jobs.md").read_text()

PYTHON_BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)

BIN = Path(sys.executable).parent


def test_jobs_of_ones_own(connection: Redis, redis_server: RedisServer, tmp_path: Path) -> None:
    jobs, application = PYTHON_BLOCKS
    (tmp_path / "shop.py").write_text(jobs)
    (tmp_path / "app.py").write_text(application)
    env = {"REDIS_URL": redis_server.url, "QCTL_HOME": str(tmp_path), "QCTL_JOBS_MODULES": "shop"}

    def run(*command: str) -> str:
        ended = subprocess.run(
            command,
            cwd=tmp_path,
            env={**os.environ, **env},
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr
        return ended.stdout.strip()

    with Program("worker", [str(BIN / "qctl-worker"), "billing"], tmp_path, env=env, says="takes jobs from"):
        assert run(sys.executable, "app.py") == "invoice 7 to ada@example.com"
        second = run(str(BIN / "qctl"), "job", "enqueue", "send-invoice", "number=8", "to=a@b.example", "-o", "name")
        assert "\n" not in second
        run(str(BIN / "qctl"), "job", "wait", second, "--timeout", "30s")
