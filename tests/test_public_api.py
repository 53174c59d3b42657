"""Test the public names of `import qctl`: lazy, importable by RQ, and complete."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from redis import Redis
from rq.queue import Queue
from rq.serializers import JSONSerializer
from rq.utils import import_attribute

import qctl
from qctl.broker.worker import job_context
from qctl.broker.worker.pausable_queue import PausableQueue
from qctl.catalog import declared
from qctl.service import QueueService
from support.servers import RedisServer
from support.waiting import eventually
from support.workers import stock_worker


def test_public_names_are_the_documented_objects() -> None:
    assert qctl.PausableQueue is PausableQueue
    assert qctl.QueueService is QueueService
    assert qctl.job is declared.job
    assert qctl.progress is job_context.progress


def test_dir_lists_the_public_names_and_nothing_else_is_an_attribute() -> None:
    public = {"PausableQueue", "QueueService", "QueueSites", "SiteRedis", "job", "progress"}
    assert public == set(qctl.__all__) <= set(dir(qctl))
    with pytest.raises(AttributeError, match="'qctl' has no attribute 'nothing'"):
        qctl.nothing  # noqa: B018 - the access is what is tested


@pytest.mark.parametrize("statement", ["import qctl", "from qctl import job"])
def test_import_of_qctl_loads_neither_redis_nor_rq(statement: str) -> None:
    code = f"import sys; {statement}; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.PIPE, text=True).stdout.split()
    assert not {"redis", "rq", "typer", "rich", "qctl.service", "qctl.settings"}.intersection(loaded)


def test_rq_resolves_the_queue_class_by_its_public_path() -> None:
    assert import_attribute("qctl.PausableQueue") is PausableQueue


def test_rq_worker_runs_a_job_with_the_public_queue_class(
    connection: Redis, redis_server: RedisServer, tmp_path: Path
) -> None:
    queue = Queue("work", connection=connection, serializer=JSONSerializer)
    job = queue.enqueue("support.jobs.give", 7)
    with stock_worker(tmp_path, redis_server.tcp_url, "work") as worker:
        assert "qctl.PausableQueue" in worker.command
        eventually(lambda: job.get_status() == "finished", what="the end of the job")
