"""RQ's keys: each is written out in qctl, and equals the key of RQ's own objects for any QUEUE_PREFIX."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

COMPARE = """
import sys
from qctl.broker.redis import keys, relation_keys
assert "rq" not in sys.modules
from rq.command import PUBSUB_CHANNEL_TEMPLATE
from rq.executions import WORKER_EXECUTIONS_KEY_TEMPLATE, Execution, ExecutionRegistry
from rq.group import Group
from rq.intermediate_queue import IntermediateQueue
from rq.job import Job
from rq.queue import Queue
from rq import registry
from rq.results import Result
from rq.scheduler import RQScheduler
from rq.suspension import WORKERS_SUSPENDED
from rq.worker import BaseWorker
from rq.worker_registration import REDIS_WORKER_KEYS, WORKERS_BY_QUEUE_KEY

pairs = {
    "queues": (keys.QUEUES, Queue.redis_queues_keys),
    "queue": (keys.queue("a"), Queue.redis_queue_namespace_prefix + "a"),
    "workers": (keys.WORKERS, REDIS_WORKER_KEYS),
    "worker": (keys.worker("a"), BaseWorker.redis_worker_namespace_prefix + "a"),
    "suspended": (keys.SUSPENDED, WORKERS_SUSPENDED),
    "intermediate": (keys.intermediate("a"), IntermediateQueue.get_intermediate_queue_key(keys.queue("a"))),
    "job": (keys.job("a"), Job.key_for("a")),
    "results": (keys.results("a"), Result.get_key("a")),
    "executions": (keys.executions("a"), ExecutionRegistry.key_template.format("a")),
    "execution": (keys.execution_prefix("a") + "b", Execution("b", "a", None).key),
    "dependents": (keys.dependents("a"), Job.dependents_key_for("a")),
    "dependencies": (relation_keys.dependencies("a"), Job(id="a", connection=object()).dependencies_key),
    "started": (keys.started("a"), registry.StartedJobRegistry.key_template.format("a")),
    "finished": (keys.finished("a"), registry.FinishedJobRegistry.key_template.format("a")),
    "failed": (keys.failed("a"), registry.FailedJobRegistry.key_template.format("a")),
    "scheduled": (keys.scheduled("a"), registry.ScheduledJobRegistry.key_template.format("a")),
    "deferred": (keys.deferred("a"), registry.DeferredJobRegistry.key_template.format("a")),
    "canceled": (keys.canceled("a"), registry.CanceledJobRegistry.key_template.format("a")),
    "ready": (relation_keys.ready("a"), registry.ReadyJobRegistry.key_template.format("a")),
    "commands": (keys.commands("a"), PUBSUB_CHANNEL_TEMPLATE % "a"),
    "worker_executions": (keys.worker_executions("a"), WORKER_EXECUTIONS_KEY_TEMPLATE.format("a")),
    "queue_workers": (keys.queue_workers("a"), WORKERS_BY_QUEUE_KEY % "a"),
    "scheduler_lock": (keys.scheduler_lock("a"), RQScheduler.get_locking_key("a")),
    "groups": (relation_keys.GROUPS, Group.REDIS_GROUP_KEY),
    "group": (relation_keys.group("a"), Group.get_key("a")),
}
different = {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
assert not different, different
"""


@pytest.mark.parametrize("prefix", [None, "shop", "{orders}", "shop-{orders}.eu"])
def test_keys_are_those_of_rq(prefix: str | None) -> None:
    env = {**os.environ, **({"QUEUE_PREFIX": prefix} if prefix else {})}
    done = subprocess.run(
        [sys.executable, "-c", COMPARE], env=env, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
